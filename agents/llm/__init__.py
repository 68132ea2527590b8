"""Language models behind an API: OpenAI-compatible chat completions in the core, three providers' own APIs through their SDKs.

A provider's module translates conversations and answers; retries, limits, the cache and the meaning of faults are the same for all.
"""

from medenv.agents.llm.policy import PROVIDERS, LLMPolicy
from medenv.agents.llm.rebuild import rebuild

__all__ = ["PROVIDERS", "LLMPolicy", "rebuild"]
