"""What a name of a list meets when it is screened: one class each, and which class wins where several fit.

A hit is a question for a person, never a verdict (core/triage.py decides nothing from it).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ersr.core.tongue import Said, said, said_in


class Class(enum.StrEnum):
    """The order of precedence, worst first: a name has the first class that fits. The portal and hits.csv sort by it.

    What somebody wrote down about the name itself (allow list, popularity, reservation) goes before what the zone says, since
    acting on such a name would do most harm; what nobody looked up (unscreened) is never called unregistered.
    """

    ALLOWED = "allowed"
    POPULAR = "popular"
    RESERVED = "reserved"
    REGISTERED = "registered"
    SINKHOLED = "sinkholed"
    UNSCREENED = "unscreened"
    UNREGISTERED = "unregistered"


#: Classes that a person must answer for; the others are counted, not listed.
HITS = (Class.ALLOWED, Class.POPULAR, Class.RESERVED, Class.REGISTERED, Class.SINKHOLED)

CLASSES: Mapping[Class, Said] = {
    Class.ALLOWED: said_in("class of names", "Allowed"), Class.POPULAR: said_in("class of names", "Popular"),
    Class.RESERVED: said_in("class of names", "Reserved"), Class.REGISTERED: said_in("class of names", "Registered"),
    Class.SINKHOLED: said_in("class of names", "Sinkholed"), Class.UNSCREENED: said_in("class of names", "Not looked up"),
    Class.UNREGISTERED: said_in("class of names", "Not registered"),
}  # fmt: skip
MEANINGS: Mapping[Class, Said] = {
    Class.ALLOWED: said("On the allow list: known to be legitimate, to be left alone."),
    Class.POPULAR: said("On the popularity list: much visited, at the rank that is shown."),
    Class.RESERVED: said("Reserved or premium at the registry."),
    Class.REGISTERED: said("Delegated in the zone, or registered without delegation."),
    Class.SINKHOLED: said("Delegated, and all its name servers are known sinkholes."),
    Class.UNSCREENED: said("Its zone was not given: nobody knows whether it is registered."),
    Class.UNREGISTERED: said("Not in the zone, and on no list that was given."),
}
