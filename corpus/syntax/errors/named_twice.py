a = b := c
