"""CEF as jc reads it, LEEF by the rules of its specification, and OCSF by the schema that its authors publish.

No reader of LEEF is published where packages of this repository come from; the one here is written after IBM's
"LEEF event components" and knows nothing of the formatter.
"""

import json
import os
import pathlib
import re
import unicodedata
import unittest

import jc
import jsonschema
import ocsf_json_schema

FOLDER = pathlib.Path(os.environ["REVKEEP_SIEM_CORPUS"])


def lines(name):
    return FOLDER.joinpath(name).read_text(encoding="utf-8").split("\n")[:-1]


def plain(text):
    """What cannot stand in a line stands there as a space."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


EVENTS = [json.loads(line) for line in lines("events")]


class Cef(unittest.TestCase):
    NAMES = {
        "id": "externalId",
        "action": "act",
        "outcome": "outcome",
        "code": "reason",
        "actor_id": "suid",
        "actor_kind": "cs1",
        "tenant": "cs2",
        "resource_type": "cs3",
        "resource_id": "cs4",
        "request_id": "cs5",
        "hash": "cs6",
        "position": "cn1",
    }

    def test_every_value_reads_back(self):
        found = lines("cef")
        self.assertEqual(len(found), len(EVENTS))
        for line, event in zip(found, EVENTS):
            read = jc.parse("cef", line, raw=True, quiet=True)
            self.assertEqual(len(read), 1)
            read = {name: unescaped(value) for name, value in read[0].items()}
            fields = event["fields"]
            self.assertEqual(read["deviceVendor"], "Revkeep")
            self.assertEqual(read["deviceEventClassId"], fields["action"])
            self.assertEqual(read["rt"], str(event["milliseconds"]))
            for name, key in self.NAMES.items():
                self.assertEqual(read.get(key), plain(fields[name]) if name in fields else None, key)
            self.assertEqual(read["msg"], plain(event["sentence"]))
            labels = {"actorKind", "tenant", "resourceType", "resourceId", "requestId", "leafHash", "position"}
            self.assertLessEqual({value for key, value in read.items() if key.endswith("Label")}, labels)


def unescaped(value):
    """jc leaves the escapes of an extension where they are."""
    return re.sub(r"\\(.)", r"\1", value)


class Leef(unittest.TestCase):
    def test_every_value_reads_back(self):
        found = lines("leef")
        self.assertEqual(len(found), len(EVENTS))
        for line, event in zip(found, EVENTS):
            version, vendor, product, _, name, delimiter, rest = line.split("|", 6)
            self.assertEqual((version, vendor, product), ("LEEF:2.0", "Revkeep", "Revkeep"))
            fields = event["fields"]
            self.assertEqual(name, fields["action"])
            self.assertRegex(delimiter, r"^x[0-9A-Fa-f]{2,4}$")
            attributes = [pair.split("=", 1) for pair in rest.split(chr(int(delimiter[1:], 16)))]
            read = dict(attributes)
            self.assertEqual(len(read), len(attributes), "an attribute stands there once")
            self.assertEqual(read.pop("devTime"), str(event["milliseconds"]))
            self.assertIn(int(read.pop("sev")), range(1, 11))
            read["actor_id"] = read.pop("usrName")
            expected = {name: plain(value) for name, value in fields.items() if name not in ("at", "action")}
            self.assertEqual(read, expected)


class Ocsf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        published = pathlib.Path(ocsf_json_schema.__file__).parent / "ocsf" / "1.3.0.json"
        cls.published = json.loads(published.read_text(encoding="utf-8"))
        cls.schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(cls.published)
        cls.validators = {}

    def validator(self, event):
        uid = event["class_uid"]
        if uid not in self.validators:
            name = self.schema.lookup_class_name_from_uid(uid)
            schema = self.schema.get_class_schema(name)
            kind = jsonschema.validators.validator_for(schema)
            kind.check_schema(schema)
            self.validators[uid] = kind(schema)
        return self.validators[uid]

    def faults(self, event):
        return [f"{error.json_path}: {error.validator} {str(error.validator_value)[:200]}" for error in self.validator(event).iter_errors(event)]

    def test_every_verb_and_every_hostile_event_is_valid(self):
        found = [json.loads(line) for line in lines("ocsf")]
        self.assertEqual(len(found), len(EVENTS))
        classes = set()
        for event, given in zip(found, EVENTS):
            self.assertEqual(event["metadata"]["version"], "1.3.0")
            self.assertEqual(self.faults(event), [], given["fields"]["action"])
            self.assertEqual(event["unmapped"]["resource_id"], given["fields"]["resource_id"])
            self.assertEqual(event["actor"]["user"]["uid"], given["fields"]["actor_id"])
            self.assertEqual(event["message"], given["sentence"])
            self.assertEqual(event["time"], given["milliseconds"])
            classes.add(event["class_uid"])
        self.assertEqual(classes, {3001, 3002, 6003})

    def test_the_schema_finds_what_is_wrong(self):
        event = json.loads(lines("ocsf")[0])
        for broken in (
            {key: value for key, value in event.items() if key != "severity_id"},
            {**event, "activity_id": 4711},
            {**event, "time": "yesterday"},
            {**event, "invented": 1},
        ):
            self.assertNotEqual(self.faults(broken), [])


class Json(unittest.TestCase):
    def test_every_value_reads_back(self):
        for line, event in zip(lines("json"), EVENTS, strict=True):
            read = json.loads(line)
            self.assertEqual(read.pop("product"), "revkeep")
            read.pop("version")
            self.assertEqual({name: str(value) for name, value in read.items()}, event["fields"])


if __name__ == "__main__":
    unittest.main()
