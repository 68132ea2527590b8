"""Language models on a device of one's own, through transformers: the extra ``local``.

`loading` brings model and tokenizer into memory, `sampling` chooses tokens, `reading` makes them a reply, `policy` ties them together.
Nothing here imports torch before a policy is made.
"""

from medenv.agents.local.policy import LocalPolicy

__all__ = ["LocalPolicy"]
