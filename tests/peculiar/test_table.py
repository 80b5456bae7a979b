"""The page of peculiar inputs is that of the tests."""

from table import HERE, table


def test_the_page_is_up_to_date():
    written = (HERE / "README.md").read_text(encoding="utf-8")
    assert written == table(), "run: python tests/peculiar/table.py"
