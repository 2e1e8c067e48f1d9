"""ES modules joined to one script, which does what the modules do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.entrypoints.http.page.modules import InvalidModule, join_modules, join_rest

NODE = Path(sys.executable).parent / "node"


def run(script: str) -> object:
    """Run a script as a module, and return what it printed, which must be JSON."""
    printed = subprocess.run([NODE, "--input-type=module"], input=script, capture_output=True, text=True, check=True).stdout
    result: object = json.loads(printed)
    return result


def test_the_script_does_what_the_modules_do() -> None:
    """Each module runs once, after those that it imports. Names that are not exported do not clash."""
    sources = {
        "main.js": (
            'import { Order as Kept, add } from "./order.js";\nimport {\n  LIMIT,\n  numbers,\n} from "./limits.js";\n'
            "const own = new Kept();\nadd('main');\n"
            "console.log(JSON.stringify([own.names, LIMIT, [...numbers()], own.private()]));\n"
        ),
        "limits.js": (
            'import { add } from "./order.js";\nconst own = 3;\nadd("limits");\n'
            "export const LIMIT = own;\nexport function* numbers() {\n  yield own;\n}\n"
        ),
        "order.js": (
            "const names = [];\nfunction own() {\n  return 'hidden';\n}\nexport function add(name) {\n  names.push(name);\n}\n"
            "export class Order {\n  names = names;\n  private() {\n    return own();\n  }\n}\nadd('order');\n"
        ),
    }
    script = join_modules(sources, "main.js")
    assert run(script) == [["order", "limits", "main"], 3, [3], "hidden"]
    assert [script.count(f"const module_{name} =") for name in ("order", "limits", "main")] == [1, 1, 1]


def test_comments_are_left_out_but_not_what_looks_like_one() -> None:
    """Only comments that have lines of their own, and indentation. Texts and code behind a comment stay as they are."""
    source = """
// It isn't `needed`.
  /** Nor is "this",
   * or that. */
/** Stays. */ const code = 1;
/* also stays */
const url = "http://shop.example/*"; // trailing
const text = `
// no comment
  /** nor this */
`;
const quoted = 'a \\' // b', regex = /[/]{2}/;
console.log(JSON.stringify([code, url, text, quoted, regex.test("//")]));
"""
    script = join_modules({"main.js": source}, "main.js")
    assert run(script) == [1, "http://shop.example/*", "\n// no comment\n  /** nor this */\n", "a ' // b", True]
    assert "needed" not in script
    assert "or that" not in script
    assert "trailing" in script


def test_the_rest_shares_the_modules_of_the_first_script(tmp_path: Path) -> None:
    """None runs twice. What the rest needs and the first script does not have is in the rest."""
    sources = {
        "main.js": 'import { add } from "./names.js";\nadd("main");\n',
        "names.js": "export const names = [];\nexport function add(name) {\n  names.push(name);\n}\nadd('names');\n",
        "late.js": 'import { add as note } from "./names.js";\nexport function late() {\n  note("late");\n}\n',
        "rest.js": (
            'import { late } from "./late.js";\nimport { names } from "./names.js";\n'
            "late();\nconsole.log(JSON.stringify(names));\n"
        ),
    }
    (tmp_path / "first.mjs").write_text(join_modules(sources, "main.js"))
    (tmp_path / "rest.mjs").write_text(join_rest(sources, "rest.js", "main.js"))
    load = f"(await import('{tmp_path}/rest.mjs')).default(await import('{tmp_path}/first.mjs'));"
    assert run(load) == ["names", "main", "late"]
    with pytest.raises(InvalidModule, match=r"rest\.js imports more, which names\.js does not export"):
        join_rest(sources | {"rest.js": 'import { more } from "./names.js";'}, "rest.js", "main.js")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({}, "The page imports main.js, which does not exist"),
        ({"main.js": 'import { a } from "./a.js";'}, "main.js imports a.js, which does not exist"),
        (
            {
                "main.js": 'import { a } from "./a.js";',
                "a.js": 'import { b } from "./b.js";\nexport const a = 1;',
                "b.js": 'import { a } from "./a.js";\nexport const b = 1;',
            },
            "a.js imports itself: main.js > a.js > b.js > a.js",
        ),
        (
            {"main.js": 'import { a as b, c } from "./a.js";', "a.js": "export const a = 1;"},
            "main.js imports c, which a.js",
        ),
        ({"main.js": 'import a from "./a.js";'}, "not supported: import a from"),
        ({"main.js": 'import * as a from "./a.js";'}, "not supported: import [*]"),
        ({"main.js": 'import "./a.js";'}, 'not supported: import "./a.js"'),
        ({"main.js": 'import { a } from "/a.js";'}, "not supported: import { a } from"),
        ({"main.js": "export default 1;"}, "not supported: export default"),
        ({"main.js": "export let a = 1;"}, "not supported: export let"),
        ({"main.js": "const a = 1;\nexport { a };"}, "not supported: export { a }"),
        ({"main.js": 'export * from "./a.js";'}, "not supported: export [*]"),
    ],
)
def test_a_module_that_cannot_be_joined_is_an_error(sources: dict[str, str], message: str) -> None:
    """It names the module, and what is wrong with it."""
    with pytest.raises(InvalidModule, match=message):
        join_modules(sources, "main.js")
