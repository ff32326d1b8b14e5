"""How well annotators agree, and how sure that is."""

from aufruf.agreement.nominal import Coefficient, coefficients
from aufruf.agreement.rounds import AgreementRow, agreement
from aufruf.agreement.table import agreement_of_table, read_answers

__all__ = [
    "AgreementRow",
    "Coefficient",
    "agreement",
    "agreement_of_table",
    "coefficients",
    "read_answers",
]
