"""Cards, records, filters and config files as hands and programs leave them."""

from peculiar import case

DEEP = "[" * 100_000


@case("config file of `bids` nested 100,000 deep", "a sentence, exit code 65")
def test_toml_nested_without_end(call, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "c.toml").write_text("a = " + DEEP)
    result = call(
        "bids",
        tmp_path / "raw",
        tmp_path / "out",
        "participant",
        "--config-file",
        tmp_path / "c.toml",
    )
    assert result.code == 65
    assert "c.toml" in result.err
    assert "nested too deeply" in result.err
