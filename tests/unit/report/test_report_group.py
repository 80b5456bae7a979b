"""The page of a group: who is on it, what is marked, and that no name becomes markup."""

import re

from brainfill.report.group import Person, group_page, marks
from brainfill.report.parts import Section

CALM = [
    Person(name=f"sub-{i:02d}", status="done", lesion_ml=2.0 + i / 10, stripe_index=1 + i / 100)
    for i in range(6)
]
STRIPED = Person(name="sub-07", status="done", page="sub 07.html", lesion_ml=2.2, stripe_index=1.9)
FAILED = Person(name="sub-<b>8</b>", status="failed", error="no <i>mask</i> & nothing else")


def test_what_stands_out_is_marked():
    assert marks([*CALM, STRIPED]) == [[]] * 6 + [["stripe_index"]]
    page = group_page([*CALM, STRIPED])
    assert page.count("stands out") == 1
    assert page.count("<tr data-odd") == 1


def test_everyone_has_a_line_and_the_failed_are_counted():
    page = group_page([*CALM, STRIPED, FAILED], "MS <cohort>")
    assert page.count('class="state ') == 8
    assert "<div><dt>failed</dt><dd>1</dd></div>" in page
    assert "<div><dt>filled</dt><dd>7</dd></div>" in page
    assert "<h1>MS &lt;cohort&gt;</h1>" in page


def test_names_and_errors_are_text():
    page = group_page([FAILED])
    assert "<b>8</b>" not in page
    assert "<i>mask</i>" not in page
    assert "no &lt;i&gt;mask&lt;/i&gt; &amp; nothing else" in page


def test_links_are_quoted_and_missing_pages_have_none():
    page = group_page([STRIPED, FAILED])
    assert re.findall(r'<a href="([^"]*)"', page) == ["sub%2007.html"]


def test_without_values_there_is_no_spread():
    assert 'id="spread"' not in group_page([FAILED])
    assert 'id="spread"' in group_page(CALM)


def test_unknown_values_sort_apart():
    page = group_page([FAILED])
    assert page.count('data-value=""') == 2  # lesions, seconds


def test_measures_that_nobody_has_are_left_out():
    assert "Thickness change [%]" not in group_page(CALM)
    page = group_page([*CALM, Person(name="sub-08", status="done", change_pct=0.25)])
    assert page.count("Thickness change [%]") == 3  # the spread, its label, and a column
    assert page.count('data-value="0.25"') == 1


def test_further_sections_come_before_the_people():
    page = group_page(CALM, sections=[Section("more", "More & more", "<p>told</p>")])
    assert page.index("More &amp; more") < page.index('id="people"')


def test_the_run_is_told_when_known():
    assert 'id="about"' not in group_page(CALM)
    assert "<dt>Version</dt><dd>1.2</dd>" in group_page(CALM, facts={"Version": "1.2"})


def test_an_empty_group_has_a_page():
    assert "<dt>scans</dt><dd>0</dd>" in group_page([])


def test_masks_are_named_as_text():
    page = group_page([Person(name="sub-1", status="done", masks=["raw:a_mask.nii", "<b>.nii"])])
    assert '<p class="masks">Lesion masks: raw:a_mask.nii, &lt;b&gt;.nii</p>' in page


def test_folders_are_not_told():
    page = group_page(
        [
            Person(
                name="1", status="failed", error="'/home/jo doe/a.nii' is empty, see /home/jo/b/c"
            ),
            Person(name="2", status="done", warnings=["mask '/home/jo/m.nii' holds 255"]),
        ]
    )
    assert "jo" not in page[page.index("<body") : page.index("<script")]
    assert "&#x27;a.nii&#x27; is empty, see c" in page
