"""The result codes the demo directory answers with, and the exception that carries one to the client.

Knows no connection and no entry. The names are those of RFC 4511 section 4.1.9.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["OperationError", "ResultCode"]


class ResultCode(IntEnum):
    """Result codes of RFC 4511, Appendix A, as far as the demo uses them."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    SIZE_LIMIT_EXCEEDED = 4
    COMPARE_FALSE = 5
    COMPARE_TRUE = 6
    AUTH_METHOD_NOT_SUPPORTED = 7
    ADMIN_LIMIT_EXCEEDED = 11
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    CONFIDENTIALITY_REQUIRED = 13
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_ATTRIBUTE_TYPE = 17
    INAPPROPRIATE_MATCHING = 18
    CONSTRAINT_VIOLATION = 19
    ATTRIBUTE_OR_VALUE_EXISTS = 20
    INVALID_ATTRIBUTE_SYNTAX = 21
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNWILLING_TO_PERFORM = 53
    NAMING_VIOLATION = 64
    OBJECT_CLASS_VIOLATION = 65
    NOT_ALLOWED_ON_NON_LEAF = 66
    NOT_ALLOWED_ON_RDN = 67
    ENTRY_ALREADY_EXISTS = 68


class OperationError(Exception):
    """An operation ends with this result instead of success."""

    def __init__(self, code: ResultCode, diagnostic_message: str = "", matched_dn: str = "") -> None:
        super().__init__(f"{code.name.lower()} ({code.value}): {diagnostic_message}")
        self.code = code
        self.diagnostic_message = diagnostic_message
        self.matched_dn = matched_dn
