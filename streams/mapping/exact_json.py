"""JSON as mappings read it, with every digit kept: a number with a fraction becomes a Decimal."""

from decimal import Decimal
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder

NOT_JSON: Final = (MsgspecError, ArithmeticError, RecursionError, ValueError)
"""What decoders raise: numbers too big for Decimal, or with too many digits, are told as such."""

decode: Final = Decoder(float_hook=Decimal).decode
"""Return what JSON holds. Raises NOT_JSON."""
