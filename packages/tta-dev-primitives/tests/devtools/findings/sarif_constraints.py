"""What SARIF 2.1.0 asks of the parts of a log that the linter writes.

Written from the standard's text, sections 3.13 to 3.57: the official schema is not ours to ship.
Every object is closed, so a misspelt property fails.
"""

from __future__ import annotations

from typing import Any


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


_TEXT = {"type": "string"}
_FROM_ONE = {"type": "integer", "minimum": 1}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_MESSAGE = _closed(["text"], text={"type": "string", "minLength": 1})
_HELP = _closed(["text"], text=_TEXT, markdown=_TEXT)
# A reference holds no space, and before its first slash no colon unless that ends a scheme.
_URI = {"type": "string", "pattern": r"^(file:///[^\s\\]*|[^\s\\:/][^\s\\:]*)$"}
_ARTIFACT = _closed(["uri"], uri=_URI)
_REGION = _closed(
    ["startLine"],
    startLine=_FROM_ONE,
    startColumn=_FROM_ONE,
    endLine=_FROM_ONE,
    endColumn=_FROM_ONE,
    snippet=_closed(["text"], text=_TEXT),
)
_LOCATION = _closed(
    ["physicalLocation"],
    physicalLocation=_closed(["artifactLocation"], artifactLocation=_ARTIFACT, region=_REGION),
    logicalLocations={
        "type": "array",
        "minItems": 1,
        "items": _closed(["fullyQualifiedName"], fullyQualifiedName=_TEXT),
    },
)
_REPLACEMENT = _closed(
    ["deletedRegion"], deletedRegion=_REGION, insertedContent=_closed(["text"], text=_TEXT)
)
_FIX = _closed(
    ["artifactChanges"],
    description=_MESSAGE,
    artifactChanges={
        "type": "array",
        "minItems": 1,
        "items": _closed(
            ["artifactLocation", "replacements"],
            artifactLocation=_ARTIFACT,
            replacements={"type": "array", "minItems": 1, "items": _REPLACEMENT},
        ),
    },
)
_RESULT = _closed(
    ["message"],
    ruleId=_TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=_LEVEL,
    message=_MESSAGE,
    locations={"type": "array", "items": _LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
    fixes={"type": "array", "items": _FIX, "uniqueItems": True},
    properties={"type": "object"},
)
_RULE = _closed(
    ["id"],
    id=_TEXT,
    name=_TEXT,
    shortDescription=_MESSAGE,
    help=_HELP,
    defaultConfiguration=_closed([], level=_LEVEL),
)
CONSTRAINTS: dict[str, Any] = _closed(
    ["version", "runs"],
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": _closed(
            ["tool"],
            tool=_closed(
                ["driver"],
                driver=_closed(
                    ["name"],
                    name={"type": "string", "minLength": 1},
                    version=_TEXT,
                    semanticVersion=_TEXT,
                    rules={"type": "array", "items": _RULE, "uniqueItems": True},
                ),
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={"type": "array", "items": _RESULT},
        ),
    },
)
CONSTRAINTS["properties"]["$schema"] = {"type": "string", "format": "uri"}
