"""Reads the Terraform module and prints its resources as JSON, with variables, locals, conditions and
references resolved, as far as this module needs them. What it does not know stops it."""

import json
import pathlib
import re
import sys

import hcl2

ACCOUNT, REGION, PARTITION = "000000000000", "us-east-1", "aws"
FOLDER, SET = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
ENDPOINT = SET.pop("endpoint_url")


def load(text):
    return clean(hcl2.loads(text))


def clean(value):
    """Without the parser's marks: quoted texts lose their quotes."""
    if isinstance(value, dict):
        marks = ("__is_block__", "__comments__", "__inline_comments__")
        return {unquoted(key): clean(item) for key, item in value.items() if key not in marks}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return unquoted(value) if isinstance(value, str) else value


def unquoted(text):
    return json.loads(text) if text.startswith('"') and text.endswith('"') else text


MODULE = {}
for file in sorted(FOLDER.glob("*.tf")):
    for kind, blocks in load(file.read_text()).items():
        MODULE.setdefault(kind, []).extend(blocks)
VARIABLES = {name: block.get("default") for item in MODULE["variable"] for name, block in item.items()}
unknown = set(SET) - set(VARIABLES)
if unknown:
    sys.exit(f"no such variables: {unknown}")
VARIABLES.update(SET)
LOCALS = {name: value for block in MODULE["locals"] for name, value in block.items()}
RESOURCES = {
    (kind, name): body
    for item in MODULE["resource"]
    for kind, named in item.items()
    for name, body in named.items()
}
DATA = {
    "data.aws_caller_identity.here.account_id": ACCOUNT,
    "data.aws_region.here.id": REGION,
    "data.aws_partition.here.partition": PARTITION,
}


def evaluate(expression):
    """An expression without its `${` and `}`."""
    expression = expression.strip()
    condition = re.fullmatch(r"var\.(\w+) (==|!=) null \? (.+?) : (.+)", expression, re.S)
    if condition:
        name, operator, yes, no = condition.groups()
        return evaluate(yes if (VARIABLES[name] is None) == (operator == "==") else no)
    call = re.fullmatch(r"jsonencode\((.*)\)", expression, re.S)
    if call:
        value = evaluate(call[1])
        return json.dumps(value)
    if expression.startswith("merge("):
        first, second = re.fullmatch(r"merge\(([\w.]+), (.*)\)", expression, re.S).groups()
        return {**evaluate(first), **evaluate(second)}
    if expression.startswith("{"):
        return resolve(load("x = " + expression)["x"])
    if re.fullmatch(r"\d+", expression):
        return int(expression)
    if expression in DATA:
        return DATA[expression]
    kind, _, name = expression.partition(".")
    if kind == "var":
        return VARIABLES[name]
    if kind == "local":
        return resolve(LOCALS[name])
    return attribute(*expression.split("."))


def attribute(kind, name, what):
    """What AWS makes of a resource."""
    own = resolve(RESOURCES[kind, name]["name"])
    if what == "name":
        return own
    known = {
        ("aws_sqs_queue", "arn"): f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{own}",
        ("aws_sqs_queue", "id"): f"{ENDPOINT}/{ACCOUNT}/{own}",
        ("aws_cloudwatch_event_bus", "arn"): f"arn:{PARTITION}:events:{REGION}:{ACCOUNT}:event-bus/{own}",
    }
    return known[kind, what]


def resolve(value):
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if not isinstance(value, str):
        return value
    # One expression, whatever braces are in it, or a text with simple ones in it.
    if value.startswith("${") and value.endswith("}") and "${" not in value[2:]:
        return evaluate(value[2:-1])
    return re.sub(r"\$\{([^{}]+)\}", lambda found: str(evaluate(found[1])), value)


def present(body):
    return evaluate(body["count"].removeprefix("${").removesuffix("}")) != 0 if "count" in body else True


print(
    json.dumps(
        [
            {"type": kind, "name": name, **{"body": resolve({k: v for k, v in body.items() if k not in ("count", "depends_on")})}}
            for (kind, name), body in RESOURCES.items()
            if present(body)
        ]
    )
)
