"""Evidence or traffic -> findings with stable codes. The codes stand in ``codes``, the rules beside them."""
