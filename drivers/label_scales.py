"""Label scales that tell what they sold by themselves, one row a model."""

from drivers.model import Model

MODELS = (
    Model("label-tcp", "", "DP-401 and other label scales that upload each label by TCP, port 8899", "label_tcp"),
)
