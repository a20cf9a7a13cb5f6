"""What a name refers to, through imports, assignments and other files."""

from __future__ import annotations

import pytest

from .reading import last_expression, names_in

SAME_FILE = [
    pytest.param("import time\ntime.sleep", "time.sleep", id="module"),
    pytest.param("import os.path\nos.path.join", "os.path.join", id="dotted-module"),
    pytest.param("import numpy as np\nnp.mean", "numpy.mean", id="module-alias"),
    pytest.param("from time import sleep as nap\nnap", "time.sleep", id="name-alias"),
    pytest.param("import time\nnap = time.sleep\nnap", "time.sleep", id="assigned"),
    pytest.param("from a import *\nthing", "a.thing", id="star"),
    pytest.param("len", "builtins.len", id="builtin"),
    pytest.param("nowhere", None, id="unbound"),
    pytest.param("def f(x):\n    x.go", None, id="parameter"),
    pytest.param("def f(): ...\nf", "app.main.f", id="own-function"),
    pytest.param("class C:\n    def m(self): ...\nC.m", "app.main.C.m", id="own-method"),
    pytest.param(
        "from openai import OpenAI\nc = OpenAI()\nc.chat", "openai.OpenAI.chat", id="of-an-object"
    ),
    pytest.param("from openai import OpenAI\nc = OpenAI()\nc", None, id="object-has-no-name"),
    pytest.param(
        "try:\n    import ujson as json\nexcept ImportError:\n    json = None\njson.loads",
        "ujson.loads",
        id="optional-import",
    ),
    pytest.param("import a\nif a.x:\n    f = a.b\nelse:\n    f = a.c\nf", None, id="one-of-two"),
    pytest.param("import a\nf = a.b\nf = a.c\nf", "a.c", id="the-last-assignment-counts"),
    pytest.param(
        "import a\nf = a.b\nif a.x:\n    f = a.c\n    f", "a.c", id="the-branch-it-stands-in"
    ),
    pytest.param("import a\n[f for f in [a.b]]\nf", None, id="comprehension-keeps-its-names"),
    pytest.param("import a\nclass C:\n    f = a.b\n    def m(self):\n        f", None, id="class"),
    pytest.param("import a\ndef f():\n    global g\n    g = a.b\ng.c", "a.b.c", id="global"),
    pytest.param("import a\nlet = lambda: a.b\nlet().c", "a.b.c", id="lambda"),
    pytest.param("import a\n(f := a.b)\nf", "a.b", id="walrus"),
    pytest.param("import a\nf, g = a.b, a.c\ng", "a.c", id="unpacking"),
    pytest.param("import a\nd = {'x': a.b, 'y': a.c}\nd['y']", "a.c", id="item-by-key"),
    pytest.param("import a\nd = {'x': a.b}\nd.get('x')", "a.b", id="item-by-get"),
    pytest.param("import a\nfor f in (a.b,):\n    f", "a.b", id="loop"),
    pytest.param("import a\nfor k, f in {'x': a.b}.items():\n    f", "a.b", id="loop-over-items"),
    pytest.param("import a\nfor i, f in enumerate([a.b]):\n    f", "a.b", id="enumerate"),
    pytest.param("import a\ngetattr(a, 'b')", "a.b", id="getattr"),
    pytest.param("import typing, a\ntyping.cast(int, a.b)", "a.b", id="cast"),
]


@pytest.mark.parametrize(("source", "expected"), SAME_FILE)
def test_name_in_one_file(source: str, expected: str | None) -> None:
    """A name is followed to where it comes from, and no further than is certain."""
    names = names_in(source)
    assert names.qualified(last_expression(names)) == expected


OTHER_FILES = [
    pytest.param(
        "from app.llm import client\nclient.chat",
        {"app/llm.py": "from openai import OpenAI\nclient = OpenAI()"},
        "openai.OpenAI.chat",
        id="variable",
    ),
    pytest.param(
        "from .llm import client\nclient.chat",
        {"app/llm.py": "from openai import OpenAI\nclient = OpenAI()"},
        "openai.OpenAI.chat",
        id="relative",
    ),
    pytest.param(
        "from app import llm\nllm.client.chat",
        {"app/llm.py": "from openai import OpenAI\nclient = OpenAI()"},
        "openai.OpenAI.chat",
        id="through-the-module",
    ),
    pytest.param(
        "from app.pack import Client\nClient",
        {
            "app/pack/__init__.py": "from .inner import *",
            "app/pack/inner.py": "import openai\nClient = openai.OpenAI",
        },
        "openai.OpenAI",
        id="star-re-export",
    ),
    pytest.param(
        "from app.llm import make\nmake().chat",
        {"app/llm.py": "import openai\ndef make():\n    c = openai.OpenAI()\n    return c"},
        "openai.OpenAI.chat",
        id="factory",
    ),
    pytest.param(
        "from app.llm import make\nmake().chat",
        {"app/llm.py": "import openai\ndef make() -> 'openai.OpenAI | None': ..."},
        "openai.OpenAI.chat",
        id="factory-by-annotation",
    ),
    pytest.param(
        "from app.llm import keep\nimport openai\nkeep(openai.OpenAI()).chat",
        {"app/llm.py": "def keep(client, *, name=''):\n    return client"},
        "openai.OpenAI.chat",
        id="factory-gives-its-argument-back",
    ),
    pytest.param(
        "from app.llm import Base\nclass Mine(Base):\n    def go(self):\n        self.client.chat",
        {
            "app/llm.py": "import openai\nclass Base:\n    def __init__(self):\n"
            "        self.client = openai.OpenAI()"
        },
        "openai.OpenAI.chat",
        id="attribute-of-the-base",
    ),
    pytest.param(
        "from app.llm import Holder\nimport openai\nHolder(openai.OpenAI()).client.chat",
        {
            "app/llm.py": "class Holder:\n    def __init__(self, client):\n"
            "        self.client = client"
        },
        "openai.OpenAI.chat",
        id="attribute-from-the-constructor",
    ),
    pytest.param(
        "from app.llm import Holder\nHolder().client.chat",
        {
            "app/llm.py": "import openai\nclass Holder:\n    @property\n    def client(self):\n"
            "        return openai.OpenAI()"
        },
        "openai.OpenAI.chat",
        id="property",
    ),
    pytest.param(
        "from scripts.llm import client\nclient.chat",
        {"scripts/llm.py": "from openai import OpenAI\nclient = OpenAI()"},
        "openai.OpenAI.chat",
        id="source-folder-without-a-package",
    ),
    pytest.param(
        "from app.llm import client\nclient.chat",
        {"app/llm.py": "from .main import client"},
        None,
        id="circle",
    ),
    pytest.param(
        "from openai import OpenAI\nOpenAI",
        {"openai.py": "OpenAI = 1", "openai/__init__.py": "OpenAI = 2"},
        "openai.OpenAI",
        id="public-package-keeps-its-name",
    ),
]


@pytest.mark.parametrize(("source", "others", "expected"), OTHER_FILES)
def test_name_across_files(source: str, others: dict[str, str], expected: str | None) -> None:
    """A name is followed through the other files of the workspace."""
    names = names_in(source, others)
    found = names.qualified(last_expression(names))
    if expected is None:
        assert found in {None, "app.main.client.chat", "app.llm.client.chat"}
    else:
        assert found == expected


def test_script_beside_its_helper_finds_it() -> None:
    """Scripts in a folder without `__init__.py` import each other by bare name."""
    helper = {"scripts/helper.py": "import openai\nclient = openai.OpenAI()"}
    names = names_in("from helper import client\nclient.chat", helper, path="scripts/run.py")
    assert names.qualified(last_expression(names)) == "openai.OpenAI.chat"


def test_fixture_of_the_conftest_gives_what_it_yields() -> None:
    """A test's parameter is what the fixture of that name gives, nearest `conftest.py` first."""
    conftest = """
        import openai, pytest

        @pytest.fixture
        def client():
            yield openai.OpenAI()
    """
    names = names_in(
        "def test_it(client):\n    client.chat",
        {"app/conftest.py": conftest, "conftest.py": "def client(): return 1"},
        path="app/test_it.py",
    )
    assert names.qualified(last_expression(names)) == "openai.OpenAI.chat"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("from tta_dev_primitives import CachePrimitive\nCachePrimitive", "CachePrimitive"),
        (
            "from tta_dev_primitives.performance.cache import CachePrimitive as C\nC",
            "CachePrimitive",
        ),
        ("import tta_dev_primitives as t\nt.resilient", "resilient"),
        ("from tta_dev_primitives.recovery.resilient import resilient\nresilient", "resilient"),
        (
            "from observability_integration.primitives import RouterPrimitive\nRouterPrimitive",
            "RouterPrimitive",
        ),
        (
            "from tta_dev_primitives.testing import MockPrimitive\nMockPrimitive",
            "testing.MockPrimitive",
        ),
    ],
    ids=["top", "from-its-room", "module-alias", "function", "other-package", "not-at-the-top"],
)
def test_own_primitives_go_by_their_top_level_name(statement: str, expected: str) -> None:
    """Whatever way a primitive is imported, rules see one name for it."""
    names = names_in(statement)
    assert names.qualified(last_expression(names)) == f"tta_dev_primitives.{expected}"
