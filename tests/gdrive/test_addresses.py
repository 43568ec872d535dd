"""Every shape in which people have a folder at hand."""

from __future__ import annotations

import pytest

from storyline_gdrive.addresses import folder_id

ID = "1AbC-d_EfGhIjKlMnOpQrStUvWxYz"


@pytest.mark.parametrize(
    "pasted",
    [
        ID,
        f" {ID}\n",
        f"https://drive.google.com/drive/folders/{ID}",
        f"https://drive.google.com/drive/folders/{ID}?usp=sharing&resourcekey=0-x",
        f"https://drive.google.com/drive/u/0/folders/{ID}",
        f"https://drive.google.com/drive/u/12/folders/{ID}#list",
        f"https://drive.google.com/drive/mobile/folders/{ID}",
        f"https://drive.google.com/drive/mobile/folders/0BxAbCdEfGhIjKl/{ID}?sort=13",
        f"https://drive.google.com/open?id={ID}",
        f"https://drive.google.com/folderview?id={ID}&usp=sharing",
        f"https://drive.google.com/embeddedfolderview?id={ID}#grid",
        f"https://drive.google.com/a/example.com/folderview?id={ID}",
        f"drive.google.com/drive/folders/{ID}",
    ],
)
def test_a_folder_is_found(pasted: str) -> None:
    assert folder_id(pasted) == ID


def test_my_drive_has_a_name() -> None:
    assert folder_id("https://drive.google.com/drive/u/0/my-drive") == "root"


@pytest.mark.parametrize(
    "pasted", ["", "x", "https://example.com/drive/folders/" + ID, "https://drive.google.com/", "../../etc",
               f"https://drive.google.com.evil.example/drive/folders/{ID}", "https://drive.google.com/drive/folders/"],
)  # fmt: skip
def test_anything_else_is_explained(pasted: str) -> None:
    with pytest.raises(ValueError, match="paste its address"):
        folder_id(pasted)
