"""Axes, channel names and pixel sizes are those that the file states; the rules choose among them."""

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from attend.data import Rules, open_stream, read_images
from attend.data.decode import decode
from attend.errors import AttendError

SHAPES = {"T": 2, "Z": 3, "C": 4, "Y": 6, "X": 7}
NAMES = ["DAPI", "GFP", "", "Cy5"]


def volume(axes, dtype=np.uint8):
    rng = np.random.default_rng(len(axes))
    return rng.integers(256, size=[SHAPES[axis] for axis in axes]).astype(dtype)


def expected(pixels, axes, channel=0, project="max"):
    """By the letter: one channel, z put together, everything else an image."""
    if "C" in axes:
        pixels, axes = pixels.take(channel, axes.index("C")), axes.replace("C", "")
    if "Z" in axes and project != "none":
        axis = axes.index("Z")
        pixels = pixels.max(axis) if project == "max" else np.round(pixels.mean(axis)).astype(pixels.dtype)
    return pixels.reshape(-1, SHAPES["Y"], SHAPES["X"])


def write(path, pixels, axes, kind, **metadata):
    options = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {"photometric": "minisblack"}}[kind]
    resolution = metadata.pop("resolution", None)
    tifffile.imwrite(path, pixels, metadata={"axes": axes} | metadata, resolution=resolution, **options)
    return path


def read(path, **rules):
    return read_images(path, Rules(**{"ground": "dark"} | rules))


@pytest.mark.parametrize("kind", ["imagej", "ome", "shaped"])
@pytest.mark.parametrize("axes", ["CYX", "TCYX", "ZYX", "ZCYX", "TZCYX", "TYX"])
@pytest.mark.parametrize("rules", [{}, {"channel": 2}, {"project": "mean"}, {"channel": 3, "project": "none"}])
def test_axes_are_those_of_the_file(tmp_path, kind, axes, rules):
    pixels = volume(axes)
    data = read(write(tmp_path / "x.tif", pixels, axes, kind), **rules)
    assert np.array_equal(data.images[..., 0], expected(pixels, axes, **rules))
    assert len(set(data.names)) == len(data)


def test_other_orders_of_axes(tmp_path):
    pixels = volume("CZTYX")
    data = read(write(tmp_path / "x.ome.tif", pixels, "CZTYX", "ome"), channel=1)
    assert np.array_equal(data.images[..., 0], expected(pixels, "CZTYX", 1))


@pytest.mark.parametrize("channel", ["Cy5", "cy5", "3", 3])
def test_a_channel_has_a_name_or_a_number(tmp_path, channel):
    pixels = volume("CYX")
    path = write(tmp_path / "x.ome.tif", pixels, "CYX", "ome", Channel={"Name": NAMES})
    assert np.array_equal(read(path, channel=channel).images[0, ..., 0], pixels[3])
    labelled = write(tmp_path / "x.tif", pixels, "CYX", "imagej", Labels=NAMES)
    assert np.array_equal(read(labelled, channel=channel).images[0, ..., 0], pixels[3])


@pytest.mark.parametrize("channel", ["DAPl", "4", "-1"])
def test_a_channel_that_is_not_there_is_refused_with_those_that_are(tmp_path, channel):
    path = write(tmp_path / "x.ome.tif", volume("CYX"), "CYX", "ome", Channel={"Name": NAMES})
    listed = rf"x\.ome\.tif: holds 4 channels \(0 DAPI, 1 GFP, 2, 3 Cy5\); --channel {channel} is none of them"
    with pytest.raises(AttendError, match=listed):
        read(path, channel=channel)


def test_what_was_chosen_is_noted_once_and_what_was_asked_for_is_not(tmp_path):
    for number in range(3):
        path = tmp_path / f"{number}.ome.tif"
        write(path, volume("ZCYX"), "ZCYX", "ome", Channel={"Name": NAMES})
    channels, z = read(tmp_path).reading.notes()
    assert channels == (
        "files hold 4 channels (0 DAPI, 1 GFP, 2, 3 Cy5): channel 0 is read; --channel NUMBER or NAME takes another"
    )
    assert "the maximum of their planes is read; --project mean or none" in z
    assert read(tmp_path, channel="GFP", project="mean").reading.notes() == []
    pieces = open_stream(tmp_path, (6, 7, 1), rules=Rules(ground="dark")).pieces()
    assert next(pieces).data.reading.notes() == [channels, z]


def test_one_channel_is_read_whatever_the_rule_and_colours_can_be_taken_apart(tmp_path):
    grey, colour = volume("YX"), np.moveaxis(volume("CYX")[:3], 0, -1)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    tifffile.imwrite(tmp_path / "colour.tif", colour, photometric="rgb")
    assert np.array_equal(read(tmp_path / "grey.png", channel=2).images[0, ..., 0], grey)
    for name in ("colour.png", "colour.tif"):
        assert read(tmp_path / name).image_shape == (6, 7, 3)
        assert np.array_equal(read(tmp_path / name, channel="blue").images[0, ..., 0], colour[..., 2])
        assert np.array_equal(read(tmp_path / name, channel=1).images[0, ..., 0], colour[..., 1])
    with pytest.raises(AttendError, match=r"colour\.png: is a picture in colours; --channel DAPI is none of 0 red"):
        read(tmp_path / "colour.png", channel="DAPI")


def test_samples_that_are_no_colours_are_channels(tmp_path):
    pixels = np.moveaxis(volume("CYX", np.uint16), 0, -1)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="minisblack", planarconfig="contig")
    (stack,) = decode(tmp_path / "x.tif")
    assert (stack.axes, stack.pixels.shape) == ("C", (4, 6, 7, 1))
    assert np.array_equal(stack.pixels[2, ..., 0], pixels[..., 2])


NANOMETRES = {"PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 1e-3, "PhysicalSizeYUnit": "mm"}


@pytest.mark.parametrize(
    ("kind", "metadata", "micrometres"),
    [
        ("ome", {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}, (0.25, 0.5)),
        ("ome", NANOMETRES, (1, 0.5)),
        ("ome", {"PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel", "PhysicalSizeY": 1}, None),
        ("ome", {"PhysicalSizeX": 0.5}, None),
        ("imagej", {"unit": "um", "resolution": (2, 4)}, (0.25, 0.5)),
        ("imagej", {"unit": "micron", "resolution": (2, 4)}, (0.25, 0.5)),
        ("imagej", {"unit": "nm", "resolution": (0.002, 0.002)}, (0.5, 0.5)),
        ("imagej", {"unit": "pixel", "resolution": (2, 2)}, None),
        ("imagej", {}, None),
        ("shaped", {"resolution": (72, 72)}, None),
    ],
)  # fmt: skip
def test_the_size_of_a_pixel_in_micrometres(tmp_path, kind, metadata, micrometres):
    write(tmp_path / "a.tif", volume("TYX"), "TYX", kind, **metadata)
    Image.fromarray(volume("YX")).save(tmp_path / "b.png")
    data = read(tmp_path)
    assert len(data) == 3
    if micrometres is None:
        assert data.pixel_um is None
        return
    np.testing.assert_allclose(data.pixel_um[:2], [micrometres] * 2, rtol=1e-6)
    assert np.isnan(data.pixel_um[2]).all()
    assert np.array_equal(data[[1, 0]].pixel_um, data.pixel_um[[1, 0]])


def test_damaged_metadata_leaves_the_pixels_readable(tmp_path):
    pixels = volume("TYX")
    xml = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image></OME>'
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="minisblack", description=xml, metadata=None)
    assert np.array_equal(read(tmp_path / "x.tif").images[..., 0], pixels)


def test_the_palette_of_a_microscope_is_left_aside(tmp_path):
    pixels, palette = volume("YX"), np.zeros((3, 256), np.uint16)
    palette[1] = np.arange(256) * 256
    description = "ImageJ=1.54\nimages=1\n"
    options = {"photometric": "palette", "colormap": palette, "metadata": None}
    tifffile.imwrite(tmp_path / "x.tif", pixels, description=description, **options)
    assert np.array_equal(read(tmp_path / "x.tif").images[0, ..., 0], pixels)
    tifffile.imwrite(tmp_path / "y.tif", pixels, **options)
    assert np.array_equal(read(tmp_path / "y.tif").images[0, ..., 1], pixels)
    assert read(tmp_path / "y.tif").image_shape == (6, 7, 3)


@pytest.mark.parametrize("compression", ["lzw", "zstd", "packbits"])
def test_compressed_stacks_keep_their_axes(tmp_path, compression):
    pixels = volume("ZCYX", np.uint16)
    tifffile.imwrite(tmp_path / "x.ome.tif", pixels, metadata={"axes": "ZCYX"}, compression=compression)
    data = read(tmp_path / "x.ome.tif", channel=1, range=(0, 255))
    assert np.array_equal(data.images[0, ..., 0], pixels[:, 1].max(0))


def without_imagecodecs(monkeypatch):
    """From here on as where that library is not installed."""
    module = sys.modules["tifffile.tifffile"]
    monkeypatch.setattr(module, "imagecodecs", __import__("tifffile._imagecodecs", fromlist=["_"]))
    monkeypatch.setattr(module.TIFF, "DECOMPRESSORS", module.CompressionCodec(encode=False))
    monkeypatch.setattr(module.TIFF, "UNPREDICTORS", module.PredictorCodec(encode=False))


@pytest.mark.parametrize("axes", ["ZCYX", "YX"])
def test_axes_stay_where_pillow_must_decode(tmp_path, monkeypatch, axes):
    pixels = volume(axes, np.uint16)
    tifffile.imwrite(tmp_path / "x.ome.tif", pixels, metadata={"axes": axes}, compression="lzw")
    colours = tmp_path / "colours.tif"
    tifffile.imwrite(colours, np.ones((4, 4, 3), np.uint16), photometric="rgb", compression="lzw")
    without_imagecodecs(monkeypatch)
    data = read(tmp_path / "x.ome.tif", channel=1, range=(0, 255))
    assert np.array_equal(data.images[..., 0], expected(pixels, axes, 1))
    with pytest.raises(AttendError, match=r"deep colours in LZW compression; pip install 'attend\[microscopy\]'"):
        read(colours)


def test_a_file_of_several_is_read_by_itself(tmp_path):
    pixels = volume("TYX")
    uuids = ["urn:uuid:11111111-1111-1111-1111-111111111111", "urn:uuid:22222222-2222-2222-2222-222222222222"]
    parts = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{t}.ome.tif">{uuid}</UUID></TiffData>'
        for t, uuid in enumerate(uuids)
    )
    for t, uuid in enumerate(uuids):
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{uuid}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="7" '
            f'SizeY="6" SizeC="1" SizeZ="1" SizeT="2"><Channel ID="Channel:0:0"/>{parts}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / f"{t}.ome.tif", pixels[t], description=xml, metadata=None)
    data = read(tmp_path)
    assert np.array_equal(data.images[..., 0], pixels)  # not each of them twice
    assert "OME-TIFF in several files" in data.reading.notes()[0]


def test_a_format_that_an_extra_reads_says_which(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.nd2").write_bytes(b"x")
    with pytest.raises(AttendError, match=r"a\.nd2: is a ND2 file, which needs: pip install 'attend\[microscopy\]'$"):
        read(tmp_path)
    (tmp_path / "b.czi").write_bytes(b"x")
    with pytest.raises(AttendError, match=r"'attend\[microscopy\]' bioio-czi$"):
        read(tmp_path / "b.czi")
    (tmp_path / "c.ome.zarr" / "0").mkdir(parents=True)
    Image.fromarray(volume("YX")).save(tmp_path / "c.ome.zarr" / "0" / "thumbnail.png")
    for path in (tmp_path, tmp_path / "*"):
        with pytest.raises(AttendError, match=r"none of 3 files can be read; the first: .*a\.nd2: is a ND2 file"):
            read(path)
    Image.fromarray(volume("YX")).save(tmp_path / "d.png")
    with pytest.warns(UserWarning, match="attend\\[microscopy\\]"):
        assert read(tmp_path).names == ("d.png",)


class BioImage:
    """What `bioio` gives of a file of two scenes, the second in colours."""

    scenes = ("first", "second")
    arrays = (volume("TZCYX"), np.random.default_rng(1).integers(256, size=(1, 1, 1, 6, 7, 3), dtype=np.uint8))

    def __init__(self, path):
        if path.suffix == ".lif":
            raise ValueError("no reader")
        self.set_scene("first")

    def set_scene(self, name):
        scene = self.scenes.index(name)
        self.data = self.arrays[scene]
        self.shape, self.dtype = self.data.shape, self.data.dtype
        self.dims = SimpleNamespace(order="TCZYXS" if scene else "TZCYX")
        self.channel_names = ["RGB"] if scene else NAMES
        self.physical_pixel_sizes = SimpleNamespace(Z=1.0, Y=None if scene else 0.25, X=0.5)


def test_files_of_bioio_follow_the_same_rules(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", types.SimpleNamespace(BioImage=BioImage))
    (tmp_path / "a.nd2").write_bytes(b"x")
    data = read(tmp_path, channel="GFP")
    assert np.array_equal(data.images[:2, ..., 0], expected(BioImage.arrays[0], "TZCYX", 1))
    assert np.array_equal(data.images[2], BioImage.arrays[1][0, 0, 0])
    np.testing.assert_array_equal(data.pixel_um, [[0.25, 0.5]] * 2 + [[np.nan] * 2])
    (tmp_path / "a.lif").write_bytes(b"x")
    with pytest.raises(AttendError, match=r"a\.lif: is a LIF file, which needs: pip install"):
        read(tmp_path / "a.lif")
    with monkeypatch.context() as patch:
        patch.setattr("attend.data.bioformats.find_spec", lambda name: name)
        with pytest.raises(AttendError, match=r"a\.lif: cannot be read as an image \(no reader\)"):
            read(tmp_path / "a.lif")
    monkeypatch.setattr("attend.data.decode.MOST_BYTES", 100)
    with pytest.raises(AttendError, match=r"there must not be over 4 GiB in one file"):
        read(tmp_path / "a.nd2")
