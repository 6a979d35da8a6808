from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.tables.keys import put_aside, seed_of, shard_name, shard_of


def test_values_never_change():
    # A change here would move every image of every run to another shard and draw other samples.
    assert shard_of("02aa804e-bde0afdd-112c0b34-7bc16630-4e384014", 120) == 47
    assert seed_of("00000001_000.png", "latent") == 5167232003461034672


@given(st.text(min_size=1), st.integers(1, 500))
def test_shard_is_in_range(image_id, shards):
    assert 0 <= shard_of(image_id, shards) < shards
    assert 0 <= seed_of(image_id, "x") < 2**63


def test_shards_are_even():
    counts = Counter(shard_of(f"image{number}", 10) for number in range(20000))
    assert min(counts.values()) > 1800
    assert max(counts.values()) < 2200


def test_purposes_and_seeds_give_other_streams():
    assert len({seed_of("a", "latent"), seed_of("a", "noise"), seed_of("a", "latent", 1), seed_of("b", "latent")}) == 4


def test_shard_names_sort_as_their_numbers():
    names = [shard_name(number, 1200) for number in range(1200)]
    assert names == sorted(names)
    assert names[3] == "0003-of-1200"


def test_the_share_that_is_put_aside_is_stable_and_grows_with_the_share():
    keys = [f"patient-{number}" for number in range(2000)]
    quarter = {key for key in keys if put_aside(key, "split", 0.25)}
    assert 430 < len(quarter) < 570
    assert quarter < {key for key in keys if put_aside(key, "split", 0.5)}
    assert not any(put_aside(key, "split", 0.0) for key in keys)
    assert all(put_aside(key, "split", 1.0) for key in keys)
    assert quarter != {key for key in keys if put_aside(key, "reference", 0.25)}
