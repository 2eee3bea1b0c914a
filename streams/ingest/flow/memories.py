"""What is remembered of things that change, by partition: committed, and of the batch under way."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.json import Decoder, Encoder

from streams.mapping.outcomes import Memory

_ENCODER: Final = Encoder()
_DECODER: Final = Decoder()


class Memories:
    """Kept as JSON, which takes a fifth of the memory."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[str, bytes]] = {}
        self._changed: dict[tuple[int, str], bytes | None] = {}

    def restore(self, partition: int, key: str, value: bytes | None) -> None:
        """Take what was committed before, in the order in which it was."""
        kept = self._kept.setdefault(partition, {})
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value

    def forget(self, partition: int) -> None:
        """Drop a partition that another process has now."""
        self._kept.pop(partition, None)

    def get(self, partition: int, key: str) -> Memory:
        """Return what is remembered of a thing, None if nothing is."""
        at = partition, key
        raw = self._changed[at] if at in self._changed else self._kept.get(partition, {}).get(key)
        return None if raw is None else _DECODER.decode(raw)

    def set(self, partition: int, key: str, memory: Memory) -> None:
        """Remember something, once the batch is committed."""
        self._changed[partition, key] = None if memory is None else _ENCODER.encode(memory)

    def changes(self) -> Iterator[tuple[int, str, bytes | None]]:
        """Yield what the batch changes: partition, key, new value."""
        for (partition, key), raw in self._changed.items():
            yield partition, key, raw

    def commit(self) -> None:
        """Keep what the batch changed."""
        for partition, key, raw in self.changes():
            self.restore(partition, key, raw)
        self._changed.clear()

    def undo(self) -> None:
        """Drop what the batch changed."""
        self._changed.clear()

    def expired(self, partition: int, is_expired: Callable[[str, Memory], bool]) -> list[str]:
        """Return the keys of a partition of which something says that they may be forgotten.

        What the batch changes is not asked about.
        """
        return [
            key
            for key, raw in self._kept.get(partition, {}).items()
            if (partition, key) not in self._changed and is_expired(key, _DECODER.decode(raw))
        ]

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))
