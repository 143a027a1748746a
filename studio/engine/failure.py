"""Why a network cannot be built or go on."""

from __future__ import annotations

from studio.core.problems import Problem


class EngineProblem(RuntimeError):
    """Why a network cannot be built or go on; carries the `Problem` to show."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def mistake_of_plugin(node: str, name: str, error: Exception) -> EngineProblem:
    """What to say when a plug-in's layer raises while it is lowered."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return EngineProblem(Problem(node, f"{name} cannot be computed ({reason}): this is a mistake in its plug-in; replace the layer."))
