"""The stock OpenFeature client for Python, unchanged, against a real edge: `clients.py URL` of one with the document of edges.mjs."""

import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason


def check(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


api.set_provider(OFREPProvider(base_url=sys.argv[1]))
client = api.get_client()
senior = EvaluationContext(targeting_key="u-1", attributes={"age": 67, "locale": "zh"})

home = client.get_object_details("home", {}, senior)
check((home.variant, home.reason, home.error_code), ("senior", Reason.TARGETING_MATCH, None))
check(home.value["modules"][0]["content"]["title"], "Hello 中文")
check(home.flag_metadata["release.sequence"], 1)
check(home.flag_metadata["locale"], "zh")

hero = client.get_object_details("home.hero", {}, EvaluationContext(targeting_key="u-1"))
check((hero.value, hero.variant, hero.reason), ({"title": "Hello", "big": False}, "default", Reason.DEFAULT))

# On the page, but not for this visitor: the code's default, and no error.
news = client.get_object_details("home.news", {"mine": True}, senior)
check((news.value, news.reason, news.error_code), ({"mine": True}, Reason.DISABLED, None))
thai = client.get_object_value("home.news", {}, EvaluationContext("u-1", {"country": "TH"}))
check(thai, {"title": "Sawasdee"})

nobody = client.get_object_details("home", {})
check((nobody.variant, nobody.error_code), ("default", None))

for key, context, code in [
    ("nowhere", senior, ErrorCode.FLAG_NOT_FOUND),
    ("home.nothing", senior, ErrorCode.FLAG_NOT_FOUND),
    ("home", EvaluationContext("x" * 129), ErrorCode.INVALID_CONTEXT),
]:
    failed = client.get_object_details(key, {"mine": True}, context)
    check((failed.value, failed.error_code), ({"mine": True}, code))
check(client.get_string_details("home", "text", senior).error_code, ErrorCode.TYPE_MISMATCH)
print("python: 12 checks")
