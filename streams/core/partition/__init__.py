"""One partition as a fold over its inputs, and partitions that decide together.

`partition` is what others see. `contents` is what it holds, `intake` takes facts in, `snapshot` packs state.

Imports all other rooms; the runtime and the lab begin here.
"""
