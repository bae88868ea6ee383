"""A listing gives the entries that were written to it, from wherever it is read."""

import os
import pickle

from attend.data import listing
from attend.data.entries import entries
from attend.data.listing import read_listing, write_listing


def test_a_listing_gives_the_entries_back_from_any_folder_in_any_process(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "ROWS", 2)
    odd = [b"a.png", b"new\nline.png", "\u00e4.png".encode(), b"no \xff text.png", b"z.png"]
    (tmp_path / "top").mkdir()
    for name in odd:
        (tmp_path / "top" / os.fsdecode(name)).write_bytes(name)
    monkeypatch.chdir(tmp_path)
    found = entries("top", "test")
    assert not found.in_rows
    write_listing(found, tmp_path / "listing.arrow")
    monkeypatch.chdir("/")
    read = pickle.loads(pickle.dumps(read_listing(tmp_path / "listing.arrow", len(found))))
    assert len(read) == len(odd)
    for one, other in zip(read, found, strict=True):
        assert (one.name, one.place) == (other.name, other.place)
        assert one.content == tmp_path / other.content
        assert one.content.read_bytes() == os.fsencode(one.content.name)
