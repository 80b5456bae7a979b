import hashlib

import pytest

from brainfill.core.checksums import sha256_as_read
from brainfill.core.documents import read_text
from brainfill.core.errors import InputMissingError


def test_the_checksum_is_that_of_the_bytes_that_were_read(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(b"first")
    read_text(path)
    path.write_bytes(b"second")
    assert sha256_as_read(path) == hashlib.sha256(b"first").hexdigest()
    read_text(path)
    assert (
        sha256_as_read(tmp_path / "x" / ".." / "card.json") == hashlib.sha256(b"second").hexdigest()
    )
    path.unlink()
    assert sha256_as_read(path) == hashlib.sha256(b"second").hexdigest()


def test_a_file_that_was_not_read_is_read_now(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_bytes(b"first")
    assert sha256_as_read(path) == hashlib.sha256(b"first").hexdigest()
    path.write_bytes(b"second")
    assert sha256_as_read(path) == hashlib.sha256(b"second").hexdigest()
    path.unlink()
    with pytest.raises(InputMissingError, match=r"table\.tsv' cannot be read"):
        sha256_as_read(path)
