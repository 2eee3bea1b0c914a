"""What an id hands over to the one that its customer is merged into."""

from dataclasses import dataclass

from tests.recompute.conversations import Identity
from tests.recompute.events import Profile
from tests.recompute.frustration import Contacts
from tests.recompute.ledger import Ledger
from tests.recompute.plans import Plans
from tests.recompute.records import Episode


@dataclass(frozen=True)
class History:
    """All that leaves an id at an hour; `fresh` are contacts that no alert was anchored in."""

    ledger: Ledger
    plans: Plans
    contacts: Contacts
    profile: Profile | None
    episode: Episode | None
    fresh: set[Identity]
