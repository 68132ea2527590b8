#!/usr/bin/env python3
"""Build medenv/fhir/data/{elements,parameters}.json.gz from HL7's published FHIR R4 definitions (CC0).

    python scripts/build_definitions.py hapi-fhir-validation-resources-r4-7.6.0.jar

The jar is a Maven Central artifact of group ca.uhn.hapi.fhir that carries HL7's own 4.0.1 files. Any zip with the five
files will do (profiles-resources.xml, profiles-types.xml, valuesets.xml, v3-codesystems.xml, search-parameters.json).
`medenv.fhir.definitions` documents the rows that are written.
"""

import argparse
import gzip
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

FHIR = "{http://hl7.org/fhir}"
BINDING_NAME = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bindingName"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
OPEN = {"FHIRAllTypes", "FHIRDefinedType", "GuideParameterCode", "ResourceType"}  # HAPI takes any code there
MANY = 0  # "max" of an element that repeats
DATA = Path(__file__).resolve().parent.parent / "medenv" / "fhir" / "data"


def value(node: ET.Element | None, path: str, default: str = "") -> str:
    found = None if node is None else node.find("/".join(FHIR + part for part in path.split("/")))
    return default if found is None else found.get("value", default)


def children(node: ET.Element, path: str) -> list[ET.Element]:
    return node.findall("/".join(FHIR + part for part in path.split("/")))


class Codes:
    """Required value sets, expanded from the code systems they name."""

    def __init__(self, files: list[ET.Element]) -> None:
        self.systems: dict[str, ET.Element] = {}
        self.sets: dict[str, ET.Element] = {}
        for bundle in files:
            for system in bundle.iter(FHIR + "CodeSystem"):
                self.systems[value(system, "url")] = system
            for valueset in bundle.iter(FHIR + "ValueSet"):
                self.sets[value(valueset, "url")] = valueset

    def of_system(self, url: str, under: str | None = None) -> list[str] | None:
        system = self.systems.get(url)
        if system is None or value(system, "content") != "complete":
            return None

        def walk(node: ET.Element, inside: bool) -> Iterator[str]:
            for concept in children(node, "concept"):
                code = value(concept, "code")
                here = inside or code == under
                if here:
                    yield code
                yield from walk(concept, here)

        return list(walk(system, under is None))

    def expand(self, url: str) -> list[str] | None:
        """List the codes of a value set; return None where no enumeration is published (languages, MIME types)."""
        valueset = self.sets.get(url.partition("|")[0])
        if valueset is None or children(valueset, "compose/exclude"):
            return None
        codes: list[str] = []
        for include in children(valueset, "compose/include"):
            listed = [value(c, "code") for c in children(include, "concept")]
            filters = children(include, "filter")
            more: list[str] | None = listed
            if children(include, "valueSet"):
                more = self.expand(children(include, "valueSet")[0].get("value", ""))
            elif not listed:
                ancestor = value(filters[0], "value") if filters and value(filters[0], "op") == "is-a" else None
                more = None if filters and ancestor is None else self.of_system(value(include, "system"), ancestor)
            if more is None:
                return None
            codes += more
        return codes or None

    def system(self, url: str) -> str:
        """Return the URL of the code system that a value set takes its codes from, the first of several."""
        valueset = self.sets[url.partition("|")[0]]
        include = children(valueset, "compose/include")[0]
        nested = children(include, "valueSet")
        return self.system(nested[0].get("value", "")) if nested else value(include, "system")


def element_types(node: ET.Element) -> tuple[list[str], list[str]]:
    """Read an element's type names, and the resource types that its references may name."""
    names: list[str] = []
    targets: list[str] = []
    for kind in children(node, "type"):
        name = value(kind, "code")
        if name.startswith("http://hl7.org/fhirpath/"):
            extensions = kind.findall(FHIR + "extension")
            name = next((x[0].get("value", "") for x in extensions if x.get("url") == FHIR_TYPE), "string")
        names.append(name)
        if name in ("Reference", "canonical"):
            targets += [p.get("value", "").rpartition("/")[2] for p in children(kind, "targetProfile")]
    return names, targets


def required_binding(node: ET.Element, codes: Codes, enums: dict[str, list[str]], systems: dict[str, str]) -> str:
    """Name the value set that a code must be from, and note its codes and system; empty if it is open or unknown."""
    if value(node, "binding/strength") != "required":
        return ""
    extensions = children(node, "binding/extension")
    name = next((x[0].get("value", "") for x in extensions if x.get("url") == BINDING_NAME), "")
    expansion = codes.expand(value(node, "binding/valueSet"))
    name = "".join(word[:1].upper() + word[1:] for word in name.split("-"))
    if expansion is None or name in OPEN:
        return ""
    if enums.get(name, expansion) != expansion:
        raise SystemExit(f"{value(node, 'path')}: another value set is already called {name!r}")
    if name:
        enums[name] = expansion
        systems[name] = codes.system(value(node, "binding/valueSet"))
    return name


def build_elements(bundles: list[ET.Element], codes: Codes) -> dict:
    types: dict[str, list] = {}
    enums: dict[str, list[str]] = {}
    systems: dict[str, str] = {}
    for bundle in bundles:
        for profile in bundle.iter(FHIR + "StructureDefinition"):
            name, kind = value(profile, "type"), value(profile, "kind")
            if value(profile, "derivation") == "constraint":  # SimpleQuantity, MoneyQuantity: a Quantity on the wire
                continue
            base = value(profile, "baseDefinition").rpartition("/")[2]
            types[name] = [kind, base, []]
            if kind == "primitive-type":
                continue
            nodes = children(profile, "snapshot/element")
            parents = {value(n, "path").rpartition(".")[0] for n in nodes}
            for node in nodes:
                path = value(node, "path")
                if path in parents and path != name:
                    types[path] = ["backbone", value(children(node, "type")[0], "code"), []]
                parent, _, last = path.rpartition(".")
                if not parent:
                    continue
                names, targets = element_types(node)
                if path in parents:
                    names = [path]
                elif node.find(FHIR + "contentReference") is not None:
                    names = [value(node, "contentReference").lstrip("#")]
                choice = last.endswith("[x]")
                binding = required_binding(node, codes, enums, systems) if names == ["code"] else ""
                flags = "".join(
                    letter
                    for letter, on in (
                        ("x", choice),
                        ("s", value(node, "isSummary") == "true"),
                        ("m", value(node, "isModifier") == "true"),
                    )
                    if on
                )
                top = value(node, "max")
                row = [last.removesuffix("[x]"), int(value(node, "min")), MANY if top == "*" else int(top), flags]
                types[parent][2].append([*row, names, binding, targets])
    return {"types": types, "codes": enums, "systems": systems}


def own_parts(expression: str, base: str) -> str:
    """Keep the alternatives of an expression that apply to one type: `A.code | B.code` is two parameters in one; `name` is any's."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(expression + "|"):
        depth += (c == "(") - (c == ")")
        if c == "|" and depth == 0:
            parts.append(expression[start:i].strip())
            start = i + 1
    named = [f"{base}.{part}" if re.match(r"[a-z]+$", part) else part for part in parts]
    return " | ".join(p for p in named if re.match(rf"\(*{base}\b", p))


def build_parameters(bundle: dict) -> dict:
    table: dict[str, list] = defaultdict(list)
    urls = {entry["resource"]["url"]: entry["resource"]["code"] for entry in bundle["entry"]}
    for parameter in (entry["resource"] for entry in bundle["entry"]):
        for base in parameter["base"]:
            components = [[urls.get(c["definition"], ""), c["expression"]] for c in parameter.get("component", [])]
            row = [parameter["code"], parameter["type"], own_parts(parameter.get("expression", ""), base)]
            row += [parameter.get("target", []), parameter["url"], parameter.get("description", ""), components]
            table[base].append(row)
    for rows in table.values():
        rows.sort()
    return table


def build_compartment(bundle: ET.Element, code: str) -> dict[str, list[str]]:
    for compartment in bundle.iter(FHIR + "CompartmentDefinition"):
        if value(compartment, "code") == code:
            members = [(value(r, "code"), children(r, "param")) for r in children(compartment, "resource")]
            return {kind: [p.get("value", "") for p in params] for kind, params in members if params}
    raise SystemExit(f"no CompartmentDefinition of code {code!r} in profiles-resources.xml")


def write(name: str, content: dict) -> None:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        out.write(text)
    target = DATA / name
    temporary = target.with_suffix(".tmp")
    temporary.write_bytes(packed.getvalue())
    temporary.replace(target)
    print(f"{target}: {len(text)} bytes, {len(packed.getvalue())} packed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jar", type=Path)
    options = parser.parse_args()
    with zipfile.ZipFile(options.jar) as jar:
        names = {n.rpartition("/")[2]: n for n in jar.namelist() if "/dstu" not in n}

        def xml(name: str) -> ET.Element:
            return ET.fromstring(jar.read(names[name]))

        resources, datatypes = xml("profiles-resources.xml"), xml("profiles-types.xml")
        codes = Codes([xml("valuesets.xml"), xml("v3-codesystems.xml"), resources])
        parameters = json.loads(jar.read(names["search-parameters.json"]))
    DATA.mkdir(parents=True, exist_ok=True)
    write("elements.json.gz", build_elements([datatypes, resources], codes))
    patient = build_compartment(resources, "Patient")
    write("parameters.json.gz", {"parameters": build_parameters(parameters), "patient": patient})


if __name__ == "__main__":
    main()
