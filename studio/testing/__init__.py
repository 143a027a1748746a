"""Contract tests for components: what must hold for each layer, loss, optimizer, schedule, initializer and metric.

Authors of plug-ins run them on their own classes::

    from studio.testing import check_layer

    def test_my_layer():
        check_layer(MyLayer)

Each check runs the class's `examples` on the product's own engine and compares with the
class's float64 `reference`. It raises AssertionError with a sentence that says what differs.
"""

from studio.testing.initializers import check_initializer
from studio.testing.layers import check_layer
from studio.testing.losses import check_loss
from studio.testing.metrics import check_metric
from studio.testing.optimizers import check_optimizer
from studio.testing.schedules import check_schedule

__all__ = ["check_initializer", "check_layer", "check_loss", "check_metric", "check_optimizer", "check_schedule"]
