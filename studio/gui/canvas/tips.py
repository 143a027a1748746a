"""What the canvas says about what is under the mouse, or under the keyboard's attention."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from studio.core.dataset import DatasetInfo
from studio.core.shapes import describe
from studio.gui.canvas.bodies import tr
from studio.gui.canvas.faces import thousands
from studio.gui.canvas.scene import GraphScene, PortHit
from studio.gui.session import Session


def tip_at(scene: GraphScene, session: Session, place: QPointF, zoom: float) -> str:
    """One or two lines on the port, node or wire at a place; empty where there is nothing."""
    port = scene.port_at(place, zoom)
    if port is not None:
        return _port(scene, session, port)
    item = scene.node_at(place)
    if item is not None:
        wrong = [item.failure] * bool(item.failure) + [p.message for p in item.face.problems]
        if wrong:
            return "\n".join(wrong)
        return describe_node(scene, item.face.node.id)
    wire = scene.wire_at(place)
    if wire is not None:
        graph = scene.graph
        source, target = graph.node(wire.edge.source), graph.node(wire.edge.target)
        shapes = session.inference.shapes.get(source.id, ())
        shape = describe(shapes[wire.edge.source_port]) if wire.edge.source_port < len(shapes) else "?"
        return f"{source.name} → {target.name}: {shape}"
    return ""


def _port(scene: GraphScene, session: Session, port: PortHit) -> str:
    ports = scene.nodes[port.node].ports(port.side)
    name = ports[min(port.index, len(ports) - 1)].name
    if port.side == "output":
        shapes = session.inference.shapes.get(port.node, ())
        shape = describe(shapes[port.index]) if port.index < len(shapes) else tr("shape not known yet")
        return tr("{name}: {shape}. Drag to connect.").format(name=name, shape=shape)
    wire = next((e for e in scene.graph.incoming(port.node) if e.target_port == port.index), None)
    if wire is None:
        return tr("{name}: nothing connected. Drag a wire here.").format(name=name)
    source = scene.graph.node(wire.source).name
    return tr("{name}: from {source}. Drag off to disconnect.").format(name=name, source=source)


def describe_node(scene: GraphScene, node: str) -> str:
    """A node in one sentence, for tooltips and screen readers."""
    face = scene.faces[node]
    parts = [f"{face.node.name}: {face.node.layer.summary()}"]
    if isinstance(face.info, DatasetInfo):
        parts.append(tr("{count} samples of {shape}").format(count=thousands(face.info.samples), shape=face.left))
    elif face.shape is not None:
        parts.append(tr("output {shape}").format(shape=face.left))
        parts.append(face.right.replace("par", tr("parameters")))
    if face.node.pretrained is not None:
        start = tr("weights come from brick {name}").format(name=face.node.pretrained.brick)
        parts.append(start + (tr(" and are frozen") if face.frozen else ""))
    if scene.nodes[node].time[2]:
        parts.append(scene.nodes[node].time[2])
    return ", ".join(parts + [p.message for p in face.problems]) + "."
