"""A table of images, or folders of pictures, into one packed file of cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brainfill.cli._packing import SCANS, at_one_mm
from brainfill.core.errors import ConfigError, DataError, InputMissingError

if TYPE_CHECKING:
    import numpy as np

    from brainfill.train.cases import Case

_CONTRAST, _MASK = "contrast:", "mask:"
_KNOWN = ("name", "person", "site", "label", "value")
_PICTURES = ".png"
_PICTURE = f"{_CONTRAST}picture"
_NOTHING = ("", "n/a")
Row = Mapping[str, str]


def case_rows(data: Path) -> list[Row]:
    """What a table or a folder says of each case; nothing if it is training data of another kind.

    Args:
        data: a .tsv with columns such as `contrast:T1w`, `mask:lesion`, name, person, site, label and value, whose
            paths are relative to it; or a folder of .png pictures, in folders named after their labels or not.

    Raises:
        InputMissingError: a file that the table names is not there.
        DataError: the table has a column of which nothing is known.
    """
    if data.is_dir():
        if any(next(data.glob(pattern), None) for pattern in SCANS):
            return []  # a BIDS folder, whose pictures are those of reports
        return [_of_picture(path, data) for path in sorted(data.rglob(f"*{_PICTURES}"))]
    from brainfill.io.tables import read_table

    rows = read_table(data)
    if not rows or not any(column.startswith(_CONTRAST) for column in rows[0]):
        return []
    for column in rows[0]:
        if not column.startswith((_CONTRAST, _MASK)) and column not in _KNOWN:
            msg = f"table '{data}' has the column '{column}', of which nothing is known"
            raise DataError(msg, f"name it {_CONTRAST}X, {_MASK}X, {' or '.join(_KNOWN)}")
    return [_with_paths(row, data) for row in rows]


def case_files(rows: Sequence[Row]) -> list[Path]:
    """All images and masks of the cases."""
    columns = [column for column in rows[0] if column.startswith((_CONTRAST, _MASK))]
    return [Path(row[column]) for row in rows for column in columns if row[column] not in _NOTHING]


def pack_cases(
    rows: Sequence[Row], exclude: Sequence[str], out: Path, say: Callable[[str], None]
) -> dict[str, int]:
    """Read all cases and write them as one packed file.

    Returns:
        How many cases and contrasts it holds.

    Raises:
        DataError: an image or a mask cannot be used, or the images of a case do not fit together.
        ConfigError: the file cannot be written, or nobody of a name in `exclude` is there.
    """
    from brainfill.core.atomic import replacing
    from brainfill.train.cases import CasePack, save_cases

    people = {row.get("person", "") for row in rows}
    for name in exclude:
        if name not in people:
            msg = f"--exclude {name}: no such person among {len(people)}"
            raise ConfigError(msg, "names are those of the column 'person'")
    kept = [row for row in rows if row.get("person", "") not in exclude]
    if not kept:
        msg = "no case is left to pack"
        raise InputMissingError(msg, "leave out fewer people")
    contrasts = [column for column in kept[0] if column.startswith(_CONTRAST)]
    cases = []
    for row in kept:
        say(f"packing {_name(row)}")
        cases.append(_case(row, contrasts))
    with replacing(out) as temporary:
        save_cases(CasePack([c.removeprefix(_CONTRAST) for c in contrasts], cases), temporary)
    say(f"packed {len(cases)} cases into '{out}'")
    return {"Cases": len(cases), "Contrasts": len(contrasts)}


def _of_picture(path: Path, top: Path) -> Row:
    label = "" if path.parent == top else path.parent.name
    return {_PICTURE: str(path), "name": path.stem, "label": label}


def _with_paths(row: Row, table: Path) -> Row:
    found = dict(row)
    for column, cell in row.items():
        if column.startswith((_CONTRAST, _MASK)) and cell not in _NOTHING:
            path = table.parent / cell
            if not path.is_file():
                msg = f"'{path}', named in '{table}', does not exist"
                raise InputMissingError(msg, "paths in a table are relative to its folder")
            found[column] = str(path)
    return found


def _name(row: Row) -> str:
    files = [cell for column, cell in row.items() if column.startswith(_CONTRAST)]
    return row.get("name", "") or Path(files[0]).name.partition(".")[0]


def _case(row: Row, contrasts: Sequence[str]) -> Case:
    import numpy as np

    from brainfill.train.cases import Case
    from brainfill.train.lesioned import scaled

    columns = [*contrasts, *(column for column in row if column.startswith(_MASK))]
    arrays = {c: _array(Path(row[c])) for c in columns if row[c] not in _NOTHING}
    if not any(column in arrays for column in contrasts):
        msg = f"case '{_name(row)}' has no image"
        raise DataError(msg, "leave its row out")
    shape = next(iter(arrays.values())).shape
    if odd := [row[c] for c, array in arrays.items() if array.shape != shape]:
        msg = f"'{odd[0]}' differs in shape from the first image of case '{_name(row)}'"
        raise DataError(msg, "bring all images of a case to one grid first: brainfill preprocess")
    nothing = np.zeros(shape, np.float32)
    return Case(
        images=np.stack([scaled(arrays.get(column, nothing)) for column in contrasts]),
        masks={
            c.removeprefix(_MASK): arrays[c] > 0.5 for c in columns[len(contrasts) :] if c in arrays
        },
        name=_name(row),
        person=row.get("person", ""),
        site=row.get("site", ""),
        label=row.get("label", ""),
        value=_number(row),
    )


def _array(path: Path) -> np.ndarray:
    """float32: a picture (H, W), or a volume (D, H, W) at 1 mm, axes towards S, R and A."""
    import numpy as np

    if path.suffix == _PICTURES:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as picture:
                return np.asarray(picture.convert("L"), np.float32)
        except (UnidentifiedImageError, OSError) as error:
            msg = f"'{path}' is not a picture: {error}"
            raise DataError(msg, "give a .png file") from error
    from brainfill.io.nifti import read_volume

    return np.ascontiguousarray(at_one_mm(read_volume(path)).data.transpose(2, 0, 1))


def _number(row: Row) -> float | None:
    text = row.get("value", "")
    if text in _NOTHING:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"the value of case '{_name(row)}' is '{text}', expected a number"
        raise DataError(msg, "leave the cell empty where there is none")
    return value
