"""Plans that write: the network, fed with what it wrote, and the choice of what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import Inference, infer
from studio.core.language import Language
from studio.core.lowering import Ref
from studio.core.shapes import Shape
from studio.engine.arena import SharedSpace
from studio.engine.build import PlanBuilder
from studio.engine.plan import Plan
from studio.engine.writing.kernels import CURSOR_LENGTH, choose, read_step, read_window
from studio.engine.writing.one_step import one_step_graph
from studio.kernels.simd import LANES

#: Most words (or characters) that a text has, those that it begins with included.
MOST_WRITTEN = 4096


@dataclass(frozen=True, eq=False)
class WritingPlan:
    """A plan that writes one word of each column a run, and where its parts are.

    Parameters
    ----------
    plan : Plan
    space : SharedSpace
        Where weights and live numbers lie; those of the network's own are other places.
    graph : Graph
        What is computed: the network, or its twin that computes one step.
    one_by_one : bool
        Whether steps are computed one by one.
    most : int
        Room of `history`, in words.
    history, cursor, temperature, scores : Ref
        See `studio.engine.writing.kernels`; scores are those of all steps.
    """

    plan: Plan
    space: SharedSpace
    graph: Graph
    one_by_one: bool
    most: int
    history: Ref
    cursor: Ref
    temperature: Ref
    scores: Ref


@dataclass
class _Builder(PlanBuilder):
    """Lowers what leads to the scores; the text takes the place of samples."""

    language: Language | None = None
    one_by_one: bool = False
    most: int = MOST_WRITTEN
    history: Ref = field(default=Ref("private", 0), init=False)
    cursor: Ref = field(default=Ref("private", 0), init=False)
    temperature: Ref = field(default=Ref("private", 0), init=False)
    scores: Ref = field(default=Ref("private", 0), init=False)

    def place(self) -> None:
        """Make room for the text; before anything else."""
        self.history = self.scratch(self.most * self.batch)
        self.cursor = self.scratch(CURSOR_LENGTH)
        self.temperature = self.scratch(1)

    def _lower_source(self, node: str, first: int, useful: frozenset[str]) -> None:
        language = self.language
        assert language is not None
        text = (self.history, self.cursor)
        if language.kind == "translate":
            super()._lower_source(node, first, useful)
            if (node, 1) in self._outputs:
                # What was written takes the place of the right answers.
                steps = language.write_steps
                answers = self._allocate((steps,), 0, 0, False)
                self.emit(read_window, steps, self.batch, steps, *text, answers.base)
                self._outputs[node, 1] = answers
            return
        steps, kept = language.read_steps, max(1, language.read_steps // 2)
        if not self.one_by_one:
            window = self._allocate((steps,), 0, 0, False)
            self.emit(read_window, steps, self.batch, kept, *text, window.base)
            self._outputs[node, 0] = window
            return
        token, step = self._allocate((1,), 0, 0, False), self._allocate((1,), 0, 0, False)
        self.emit(read_step, steps, self.batch, kept, *text, token.base, step.base)
        self._outputs[node, 0], self._outputs[node, 1] = token, step

    def _lower_rest(self) -> None:
        language = self.language
        assert language is not None
        output = self._outputs[language.output, 0]
        logits = self.before_activation(output, "softmax")
        scores = self.need(output) if logits is None else logits
        self.scores = scores.base
        steps = language.write_steps if language.kind == "translate" else language.read_steps
        self.emit(
            choose,
            *(len(language.choices), self.batch, int(logits is not None), int(self.one_by_one)),
            *(int(language.kind == "continue"), self.most),
            *(scores.base, self.table(scores.pixel_offsets()), self.table(language.choices)),
            *(self.history, self.cursor, self.scratch(4 * self.lanes), self.temperature, steps),
        )


def writing_plan(
    graph: Graph,
    infos: Mapping[str, DatasetInfo],
    language: Language,
    columns: int = LANES,
    quick: bool = True,
) -> WritingPlan:
    """The plan that writes texts of a network.

    Parameters
    ----------
    graph : Graph
        Without problems.
    infos : mapping of str to DatasetInfo
        By Data node.
    language : Language
        What the graph writes.
    columns : int
        Texts that are written side by side.
    quick : bool
        Whether steps may be computed one by one, where the network allows it.
    """
    whole = infer(graph, infos)
    if quick and language.kind == "continue":
        twin = one_step_graph(graph, whole, language)
        if twin is not None:
            steps: dict[str, tuple[Shape, ...]] = {language.source: ((1,), (1,))}
            found = _build(twin, _with_shapes(infos, steps), language, columns, True)
            if found is not None and _same_weights(found.space, whole):
                return found
    found = _build(graph.subgraph(graph.ancestors(language.output) | {language.output}), infos, language, columns, False)
    assert found is not None, "A graph without problems can be computed."
    return found


def _with_shapes(
    infos: Mapping[str, DatasetInfo], shapes: Mapping[str, tuple[Shape, ...]]
) -> dict[str, DatasetInfo]:
    from dataclasses import replace

    changed = {n: replace(infos[n], x_shape=s[0], y_shape=s[1]) for n, s in shapes.items()}
    return {**infos, **changed}


def _same_weights(space: SharedSpace, whole: Inference) -> bool:
    """Whether all weights have the shapes that they have in the network, by their paths."""
    own = {f"{node}/{w.name}": w.shape for node, declared in whole.weights.items() for w in declared}
    return all(own.get("/".join(key)) == placed.weight.shape for key, placed in space.placed.items())


def _build(
    graph: Graph, infos: Mapping[str, DatasetInfo], language: Language, columns: int, one_by_one: bool
) -> WritingPlan | None:
    inference = infer(graph, infos)
    if any(n.id not in inference.shapes for n in graph.nodes):
        return None
    space = SharedSpace(LANES)
    space.place(dict(inference.weights))
    most = language.write_steps if language.kind == "translate" else MOST_WRITTEN
    here = {node: info for node, info in infos.items() if node in graph}
    builder = _Builder(
        graph, inference, here, space, columns, False, language=language, one_by_one=one_by_one, most=most
    )
    builder.place()
    plan = builder.build(frozenset(graph.by_id))
    places = (builder.history, builder.cursor, builder.temperature, builder.scores)
    return WritingPlan(plan, space, graph, one_by_one, most, *places)
