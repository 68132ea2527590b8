"""The terminal of ``medenv play``: what the person sees, and the commands beside the actions.

Commands cost no turn and are part of no conversation; whoever opens the chart with them is noted as assisted.
"""

from __future__ import annotations

import re

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from medenv.agents.human import LeftError, LineEditor
from medenv.cli.chart_tables import SECTIONS, ChartError, folded, overview, section
from medenv.episode import Episode
from medenv.protocol.conversation import Conversation
from medenv.report.terminal import TerminalTable, name_column, prose_column
from medenv.trajectories import Trajectory

__all__ = ["PlayTerminal"]

_MRN = re.compile(r"\bS\d{7}\b")

HELP = f"""\
Actions, as a model writes them; each costs a turn:
  GET Patient?identifier=S1234567   read or search; `prompt` says what the server offers
  POST Observation                  create: the JSON follows on the next lines, and Enter after its end sends it
  FINISH(["answer", 5])             the answers as a JSON list, [] if there is none; ends the episode

Commands, which cost nothing:
  prompt     all that a model is told
  task       the task again
  history    the turns so far; `history 2` shows the second in full, as a model sees it
  chart      the patient's chart: `chart`, `chart labs`, `chart labs K`, `chart S1234567 medications`
             (sections: {", ".join(SECTIONS)}).
             What it shows is no evidence, and the episode is noted as assisted
  help       this
  quit       leave; an unfinished episode is not stored

Arrow up and down go through what you typed, Alt-Enter sends as it is, Ctrl-C and Ctrl-D leave.
"""


class PlayTerminal:
    """A person's terminal for one episode.

    Args:
        episode: What is played.
        console: Where to print.

    Attributes:
        chart_commands: The chart commands that were used, in order.
    """

    def __init__(self, episode: Episode, console: Console) -> None:
        self.chart_commands: list[str] = []
        self._episode, self._console = episode, console
        self._editor = LineEditor()
        self._seen = 0

    def welcome(self) -> None:
        """Say what is to be done."""
        self._task()
        self._console.print(
            f"You have {self._episode.max_turns} turns, one action each. `help` explains, `prompt` shows what a model is told.\n",
            highlight=False,
        )

    async def ask(self, messages: Conversation) -> str:
        """Show what the last action led to, carry out commands, and give the first text that is none.

        Raises:
            LeftError: The person quits.
        """
        turns = self._episode.turns
        if len(turns) > self._seen:
            self._seen = len(turns)
            self._observation(turns[-1].observation or "", len(turns))
        while True:
            text = await self._editor.read(f"turn {len(turns) + 1}/{self._episode.max_turns}> ")
            if text.strip() and not self._command(text):
                return text

    async def confirm(self, question: str) -> bool:
        """Ask whether a doubtful text is to be sent."""
        return await self._editor.confirm(question)

    def _command(self, text: str) -> bool:
        """Carry out a command; False if the text is none."""
        name, *words = text.split()
        match name, words:
            case "help" | "?", []:
                self._plain(HELP)
            case "quit" | "exit", []:
                raise LeftError("the person quit")
            case "prompt", []:
                self._plain(self._episode.prompt)
            case "task", []:
                self._task()
            case "history", [] | [_]:
                self._history(words)
            case "chart", _:
                self._chart(words, text)
            case _:
                return False
        return True

    def _plain(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _task(self) -> None:
        task = self._episode.task
        self._console.rule(Text(f"{task.id}, type {task.type}", "bold"), align="left")
        if task.context:
            self._console.print(f"[bold]Context[/bold]  {escape(task.context)}", highlight=False)
        self._console.print(f"[bold]Task[/bold]  {escape(task.instruction)}", highlight=False)

    def _observation(self, text: str, turn: int) -> None:
        shown, lines = folded(text)
        for one in shown:
            self._console.print(one, highlight=False, soft_wrap=isinstance(one, Text))
        if lines:
            self._plain(f"a model is shown {lines} lines; `history {turn}` shows them\n")

    def _history(self, words: list[str]) -> None:
        turns = self._episode.turns
        if not turns:
            self._plain("no turn taken yet")
        elif not words:
            for number, turn in enumerate(turns, 1):
                lines = (turn.observation or "").splitlines()
                self._plain(
                    f"{number}  {turn.text.strip().splitlines()[0]}\n   {len(lines)} lines: {' '.join(lines)[:100]}"
                )
        elif words[0].isdecimal() and 1 <= int(words[0]) <= len(turns):
            turn = turns[int(words[0]) - 1]
            self._plain(f"{turn.text}\n\n{turn.observation or ''}")
        else:
            self._plain(f"there is no turn {words[0]!r}; {len(turns)} taken so far")

    def _chart(self, words: list[str], text: str) -> None:
        mrn = next((word for word in words if _MRN.fullmatch(word)), None)
        rest = [word for word in words if word != mrn]
        named = _MRN.search(self._episode.task.instruction)
        mrn = mrn or (named[0] if named else None)
        if mrn is None:
            self._plain("the task names no patient: write `chart MRN`, and find the MRN by GET Patient?...")
            return
        if len(rest) > 2:
            self._plain(f"`chart MRN SECTION CODE` takes no more than that, not {' '.join(rest)!r}")
            return
        self.chart_commands.append(" ".join(text.split()))
        # A fork, so that neither pages nor anything else of the episode's own session is touched.
        with self._episode.session.fork() as session:
            try:
                self._console.print(
                    section(session, mrn, rest[0], rest[1] if rest[1:] else None) if rest else overview(session, mrn)
                )
            except ChartError as error:
                self._plain(str(error))

    def verdict(self, trajectory: Trajectory) -> None:
        """How it ended, and what the grader says."""
        console, verdict = self._console, trajectory.verdict
        console.rule("verdict", align="left")
        console.print(f"status: {trajectory.status.value}, {len(trajectory.turns)} turns", highlight=False)
        if trajectory.error:
            self._plain(trajectory.error)
        if verdict is None:
            console.print("no score: the server failed, which is nobody's mistake at the terminal", highlight=False)
            return
        table = TerminalTable(name_column("check"), name_column(""), prose_column("expected"), prose_column("found"))
        for check in verdict["checks"]:
            told = Text("holds", "green") if check["passed"] else Text("fails", "red")
            table.add(check["name"], told, check["expected"], check["found"])
        console.print(table)
        reason = f", because of: {verdict['category']}" if verdict.get("category") else ""
        branch = f", branch {verdict['branch']}" if verdict.get("branch") else ""
        console.print(f"score {verdict['score']:g} by the grader {verdict['grader']}{branch}{reason}", highlight=False)
        if self.chart_commands:
            console.print("assisted: the chart was opened beside the conversation", highlight=False)
