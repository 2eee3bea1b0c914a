"""Settings of the desk. Their docstrings are a part of `docs/settings.md`.

What is common to all processes, Kafka and the web server among it, is in `streams.settings`.
"""

from typing import Annotated, Any, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.settings import load_as

DESK_PREFIX: Final = "RETENTION_DESK_"


class DeskSettings(BaseSettings):
    """What the desk is told from outside."""

    model_config = SettingsConfigDict(
        env_prefix=DESK_PREFIX,
        use_attribute_docstrings=True,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        extra="forbid",
    )

    undo_seconds: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)] = 8.0
    """How long a disposition can be taken back before it is written."""

    keep_days: Annotated[float, Field(ge=0.01, le=366, allow_inf_nan=False)] = 120.0
    """How long what was resolved is kept, for the story, and for the trend of what goes wrong."""

    silent_seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    """When no worker has answered for so long, the desk says that it may be blind."""


def load_desk_settings(**given: Any) -> DeskSettings:
    """Return the settings of the environment, and before them those given that aren't None.

    Raises SettingsError.
    """
    return load_as(DeskSettings, **given)


def desk_variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{DESK_PREFIX}{name.upper()}"
