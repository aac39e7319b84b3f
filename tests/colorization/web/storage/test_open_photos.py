from pathlib import Path

import pytest

from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.storage.open_photos import GONE, OpenPhotos

PHOTO = EditedPhoto(Path("a.jpg"))


def test_photos_are_found_by_names_that_nobody_guesses() -> None:
    photos = OpenPhotos(3)
    names = [photos.add(PHOTO) for _ in range(2)]
    assert names[0] != names[1] and all(len(name) >= 16 for name in names)
    assert photos.get(names[0]) is PHOTO
    for name in ("", "../a", names[0][:-1]):
        with pytest.raises(ValueError, match=GONE):
            photos.get(name)


def test_a_change_is_kept_and_what_follows_it_is_returned() -> None:
    photos = OpenPhotos(3)
    name = photos.add(PHOTO)

    def paler(photo: EditedPhoto) -> EditedPhoto:
        return photo.change("saturation", saturation=0.5)

    assert photos.change(name, paler, lambda photo: photo.edit.saturation) == 0.5
    assert photos.get(name).edit.saturation == 0.5
    with pytest.raises(ValueError, match=GONE):
        photos.change("other", paler, lambda photo: photo)


def test_a_change_that_fails_is_none() -> None:
    photos = OpenPhotos(3)
    name = photos.add(PHOTO)

    def fail(_: EditedPhoto) -> None:
        raise ValueError("out of range")

    with pytest.raises(ValueError, match="out of range"):
        photos.change(name, lambda photo: photo.change("", saturation=9.0), fail)
    assert photos.get(name) is PHOTO


def test_the_one_not_used_for_longest_goes() -> None:
    photos = OpenPhotos(2)
    first, second = photos.add(PHOTO), photos.add(PHOTO)
    photos.get(first)
    photos.add(PHOTO)
    assert photos.get(first) is PHOTO
    with pytest.raises(ValueError, match=GONE):
        photos.get(second)
