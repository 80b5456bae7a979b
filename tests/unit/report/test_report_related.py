"""Links between the pages of one scan."""

from brainfill.report.related import PLACE, with_related

LINKS = [("Fill", "sub-01.html"), ("Change <1 %", "sub 01_c.html")]


def test_others_are_linked_and_the_page_itself_is_named():
    page = with_related(f"<a>{PLACE}<b>", LINKS, "sub-01.html")
    assert '<span aria-current="page">Fill</span>' in page
    assert '<a href="sub%2001_c.html">Change &lt;1 %</a>' in page
    assert (page[:3], page[-3:]) == ("<a>", "<b>")


def test_links_are_replaced_by_later_ones():
    page = with_related(PLACE, LINKS, "sub-01.html")
    assert with_related(page, LINKS, "sub-01.html") == page
    assert with_related(page, LINKS[:1], "sub-01.html") == PLACE


def test_a_page_without_a_place_for_them_stays():
    assert with_related("<p>", LINKS, "sub-01.html") == "<p>"


def test_masks_are_named_once_on_a_page_without_others():
    page = with_related(PLACE, LINKS[:1], "sub-01.html", ["raw:sub-01/<m>.nii"])
    assert '<p class="masks">Lesion mask: raw:sub-01/&lt;m&gt;.nii</p>' in page
    assert with_related(page, LINKS[:1], "sub-01.html", ["raw:sub-01/<m>.nii"]) == page
