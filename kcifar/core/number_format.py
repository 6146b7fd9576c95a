"""Numbers as recipes write them."""


def write_rate(value: float) -> str:
    """Write a learning rate as recipes do: 3e-4, 1.5e-3, 0.01, 1."""
    text = f"{value:.4g}" if value == 0 or 1e-2 <= abs(value) < 1e4 else f"{value:.3e}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
