"""Addresses as they are shown: without what is secret in them."""

from __future__ import annotations

import pytest

import nwbin
from nwbin.errors import ArgumentError
from nwbin.storage import addresses


@pytest.mark.parametrize(
    "address",
    ["https://u:a::b@host/x.nwb", "https://host/x.nwb?sig=ab::SECRET", "https://u:p@host/x.nwb#SECRET"],
)
def test_no_secret_is_shown_whatever_stands_in_it(address: str) -> None:
    assert addresses.shown(address) == "https://host/x.nwb"
    assert addresses.chained(address) == [address]


def test_chains_of_fsspec() -> None:
    chain = "simplecache::https://u:p@host/x.nwb?sig=SECRET"
    assert addresses.chained(chain) == ["simplecache", "https://u:p@host/x.nwb?sig=SECRET"]
    assert addresses.shown(chain) == "simplecache::https://host/x.nwb"


@pytest.mark.parametrize(
    "address", ["https://u:SECRET@host/x/", "https://host/x/?sig=SECRET", "gs://u:SECRET@host/x/"]
)
def test_what_is_no_data_set(address: str) -> None:
    with pytest.raises(ArgumentError, match=r"host/x/?: .*single files are") as caught:
        nwbin.Dataset(address)
    assert "SECRET" not in str(caught.value)
