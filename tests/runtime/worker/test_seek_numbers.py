"""Numbers of seeks: what was fetched before the last one is stale, of that input and of no other."""

from streams.runtime.seek_numbers import SeekNumbers


def test_a_batch_fetched_before_the_last_seek_is_stale() -> None:
    seeks = SeekNumbers[str]()
    seeks.made("a", seeks.begin(["a"]))
    early = seeks.stamp("a")
    assert not seeks.is_stale("a", early)
    number = seeks.begin(["a"])
    between = seeks.stamp("a")
    seeks.made("a", number)
    assert seeks.is_stale("a", early)
    assert seeks.is_stale("a", between), "the seek was asked for, but not made yet"
    assert not seeks.is_stale("a", seeks.stamp("a"))


def test_a_seek_of_one_input_leaves_the_others_alone() -> None:
    seeks = SeekNumbers[str]()
    number = seeks.begin(["a", "b"])
    for one in ("a", "b"):
        seeks.made(one, number)
    early = seeks.stamp("b")
    seeks.made("a", seeks.begin(["a"]))
    assert not seeks.is_stale("b", early)


def test_before_any_seek_nothing_is_stale() -> None:
    seeks = SeekNumbers[str]()
    assert not seeks.is_stale("a", seeks.stamp("a"))


def test_a_seek_that_was_not_made_leaves_everything_stale_until_the_next() -> None:
    """The consumer skips what it has not been assigned; when it is again, the partition seeks again."""
    seeks = SeekNumbers[str]()
    seeks.begin(["a"])
    assert seeks.is_stale("a", seeks.stamp("a"))
    seeks.made("a", seeks.begin(["a"]))
    assert not seeks.is_stale("a", seeks.stamp("a"))
