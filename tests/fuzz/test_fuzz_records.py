"""A few hundred damaged documents; `python tests/fuzz/records.py --n 10000` tries as many as wanted."""

from records import EXIT_CODES, run


def test_damaged_documents_end_in_sentences_and_touch_nothing_else():
    counts, violations = run(range(300), seed=0)
    assert violations == {}
    assert set(counts) <= set(EXIT_CODES)
    assert counts[0] > 30  # some damage does no harm
    assert counts[2] + counts[65] > 30
