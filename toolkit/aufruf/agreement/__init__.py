"""How well annotators agree, and how sure that is."""

from aufruf.agreement.coding import code
from aufruf.agreement.coefficients import AgreementRow, Bootstrap, Question, coefficients
from aufruf.agreement.groups import GROUPINGS, Grouping
from aufruf.agreement.hints import Hints, agreement_hints
from aufruf.agreement.rounds import agreement
from aufruf.agreement.table import TABLE_GROUPINGS, agreement_of_table

__all__ = [
    "GROUPINGS",
    "TABLE_GROUPINGS",
    "AgreementRow",
    "Bootstrap",
    "Grouping",
    "Hints",
    "Question",
    "agreement",
    "agreement_hints",
    "agreement_of_table",
    "code",
    "coefficients",
]
