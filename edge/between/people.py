"""Who orders something: a person with a code and a role, a program, the city, or whoever stands at a one-person stall.

A record made on somebody's order names them by code in its envelope (``operator``), and who gave the supervisor's word
for it (``approvedby``).  Names and telephone numbers of people stand in no record's envelope.
"""

from enum import StrEnum

from protocol.frozen import frozen


class Role(StrEnum):
    """What a person may do; the values stand in the ledger."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"


EVERYBODY = frozenset(Role)
SUPERVISORS = frozenset({Role.SUPERVISOR})
TECHNICIANS = frozenset({Role.TECHNICIAN})
SENIORS = SUPERVISORS | TECHNICIANS

UNNAMED = "unnamed"  # the operator in records of a box without operators: a one-person stall on loopback


@frozen
class Who:
    """Who orders. ``code`` is the operator's, empty for what the box does by itself; ``roles`` are what it may do.

    ``approved_by`` is the code of the person whose word was given to this one deed, and ``word`` the roles it adds.
    """

    code: str
    roles: frozenset[Role]
    name: str = ""
    approved_by: str = ""
    word: frozenset[Role] = frozenset()

    def may(self, roles: frozenset[Role]) -> bool:
        """Whether this deed, which people of these roles may do, may be done now."""
        return bool((self.roles | self.word) & roles)


ALONE = Who(UNNAMED, EVERYBODY)
BOX = Who("", EVERYBODY)
CITY = Who("city", EVERYBODY)
CONSOLE = Who("console", EVERYBODY)  # the command line, of the user who owns the ledger
