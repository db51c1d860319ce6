"""The real engines on the demonstration pictures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageFilter

from functions.detect_local.engine import Sighting, UnreadableImage, see
from functions.detect_local.grouping import plain
from functions.detect_local.items import Barcode
from local.designs import DESIGNS, SODA_CARTON
from local.pictures import Picture, Thing, arranged, jpeg, labels, photographs, surface

ROOT = Path(__file__).resolve().parents[3]
LABELS = {picture.name: picture for picture in labels()}
PHOTOGRAPHS = {picture.name: picture for picture in photographs()}
Change = Callable[[Image.Image], Image.Image]
TURN = Image.Transpose
CHANGES: dict[str, Change] = {
    "turned left": lambda image: image.transpose(TURN.ROTATE_90),
    "upside down": lambda image: image.transpose(TURN.ROTATE_180),
    "turned right": lambda image: image.transpose(TURN.ROTATE_270),
    "held far askew": lambda image: image.rotate(33, Image.Resampling.BICUBIC, expand=True, fillcolor=(110, 96, 80)),
    "held askew": lambda image: image.rotate(8, Image.Resampling.BICUBIC, fillcolor=(110, 96, 80)),
    "out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "in the dark": lambda image: ImageEnhance.Brightness(image).enhance(0.3),
    "of half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
}


@cache
def seen(name: str) -> Sighting:
    """What the engine makes of a label; asked once."""
    return see(LABELS[name].image)


def changed(image: bytes, change: Change) -> bytes:
    out = io.BytesIO()
    change(Image.open(io.BytesIO(image)).convert("RGB")).save(out, "JPEG", quality=85)
    return out.getvalue()


def same_things(sighting: Sighting, things: tuple[Thing, ...]) -> None:
    """Every thing by name, count and code, and nothing else."""
    seen = {
        (plain(item.name), item.quantity, (item.barcode.format, item.barcode.text) if item.barcode else None)
        for item in sighting.items
    }
    assert seen == {(plain(thing.name), thing.quantity, thing.barcode) for thing in things}


class TestLabels:
    @pytest.mark.parametrize("name", LABELS)
    def test_are_read_to_the_letter(self, name: str) -> None:
        picture = LABELS[name]
        sighting = seen(name)
        same_things(sighting, picture.things)
        for thing in picture.things:
            (item,) = (item for item in sighting.items if plain(item.name) == plain(thing.name))
            assert [plain(line) for line in (item.text or "").split("\n") if line] == [plain(x) for x in thing.lines]
            assert item.tags == list(thing.tags)
            assert item.confidence > 0.9

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("oat_milk", "turned left"),
            ("coffee_bag", "out of focus"),
            ("coffee_bag", "held far askew"),
            *(("three_cans", change) for change in CHANGES),
        ],
    )
    def test_are_recognised_when_the_photo_is(self, name: str, change: str) -> None:
        picture = LABELS[name]
        same_things(see(changed(picture.image, CHANGES[change])), picture.things)

    def test_a_box_is_where_the_label_stands(self) -> None:
        honey, jam = seen("two_jars").items
        assert (honey.name, jam.name) == ("WILD HONEY", "APRICOT JAM")
        assert 0 < honey.box[0] < honey.box[0] + honey.box[2] < 0.5 < jam.box[0] < jam.box[0] + jam.box[2] < 1

    def test_a_box_turns_with_the_photo(self) -> None:
        turned = see(changed(LABELS["two_jars"].image, CHANGES["turned left"])).items
        (honey,) = (item for item in turned if item.name == "WILD HONEY")
        assert honey.box[1] > 0.5  # its left has become the bottom

    def test_no_part_of_slanted_bars_passes_for_a_code(self) -> None:
        """Two-of-five bars have no beginning that tells: a slanted scan across fewer of them is a code, too."""
        (carton,) = (design.drawn() for design in DESIGNS if design.thing == SODA_CARTON)
        shown = see(jpeg(arranged([carton], surface(), tilt=35))).items
        assert [item.barcode for item in shown] == [Barcode("itf", "15400141288763")]

    def test_a_small_barcode_in_a_large_photo_is_found(self) -> None:
        """A fifth of the width of 12 megapixels: at 1600 pixels its thinnest bar is less than one."""
        large = Image.new("RGB", (4000, 3000), (120, 110, 100))
        code = Image.open(io.BytesIO(LABELS["sticker"].image)).crop((640, 440, 960, 760))
        large.paste(code.resize((110, 110)), (900, 700))
        out = io.BytesIO()
        large.save(out, "JPEG", quality=90)
        assert [item.name for item in see(out.getvalue()).items] == ["Data Matrix SN-004417"]


class TestPhotographs:
    @pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee", "coins", "moon", "rocket"])
    def test_without_lettering_give_no_invented_item(self, name: str) -> None:
        assert see(PHOTOGRAPHS[name].image) == Sighting(items=[], text="", confidence=0.0)

    @pytest.mark.parametrize("name", ["coins", "coffee"])
    def test_enlarged_give_no_invented_item_either(self, name: str) -> None:
        larger = changed(PHOTOGRAPHS[name].image, lambda image: image.resize((1600, 1200)))
        assert see(larger).items == []

    def test_with_lettering_give_it(self) -> None:
        assert "YAMAHA" in [item.name for item in see(PHOTOGRAPHS["motorcycle_left"].image).items]
        assert "Region-based segmentation" in see(PHOTOGRAPHS["page"].image).text

    def test_a_plain_picture_gives_nothing(self) -> None:
        for size in ((1, 1), (1, 900), (1600, 20), (640, 480)):
            out = io.BytesIO()
            Image.new("RGB", size, "white").save(out, "PNG")
            assert see(out.getvalue()) == Sighting(items=[], text="", confidence=0.0)


class TestTheEngine:
    def test_refuses_what_is_no_image(self) -> None:
        with pytest.raises(UnreadableImage, match="not a JPEG"):
            see(b"<svg xmlns='http://www.w3.org/2000/svg'/>")

    def test_confidence_is_the_items_mean(self) -> None:
        sighting = seen("two_jars")
        assert sighting.confidence == pytest.approx(sum(i.confidence for i in sighting.items) / 2, abs=1e-4)

    def test_gives_the_same_answer_every_time(self) -> None:
        assert see(LABELS["oat_milk"].image) == seen("oat_milk")

    def test_gives_each_of_many_threads_its_own_answer(self) -> None:
        pictures: list[Picture] = [
            LABELS["oat_milk"],
            PHOTOGRAPHS["coffee"],
            LABELS["sticker"],
            LABELS["balloon_pack"],
        ] * 2
        with ThreadPoolExecutor(len(pictures)) as threads:
            sightings = list(threads.map(see, [picture.image for picture in pictures]))
        for picture, sighting in zip(pictures, sightings, strict=True):
            same_things(sighting, picture.things)

    @pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
    def test_needs_no_network_says_nothing_and_keeps_within_700_mb(self, tmp_path: Path) -> None:
        """In a process of its own: from its first photo on, the largest allowed and a wild one included."""
        for name, image in {
            "label": LABELS["oat_milk"].image,
            "square": changed(PHOTOGRAPHS["motorcycle_left"].image, lambda image: image.resize((1600, 1600))),
            "largest": changed(PHOTOGRAPHS["hubble_deep_field"].image, lambda image: image.resize((8000, 6250))),
        }.items():
            (tmp_path / name).write_bytes(image)
        program = """
import json, pathlib, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise PermissionError(event)
sys.addaudithook(refuse)
from functions.detect_local.engine import see
heavy = sorted({"PIL", "cv2", "numpy", "onnxruntime", "rapidocr", "zxingcpp"} & set(sys.modules))
sightings = [see(path.read_bytes(), "balloon") for path in sorted(pathlib.Path(sys.argv[1]).iterdir())]
names = [[item.name for item in sighting.items] for sighting in sightings]
status = pathlib.Path("/proc/self/status").read_text()  # ru_maxrss would count the parent that forked
print(json.dumps([heavy, names, int(status.partition("VmHWM:")[2].split()[0]) / 1024]))
"""
        run = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        heavy_at_import, names, peak_mb = json.loads(run.stdout)
        assert heavy_at_import == []
        assert names[0] == ["OAT MILK"]
        assert peak_mb < 700
        assert run.stderr == ""
