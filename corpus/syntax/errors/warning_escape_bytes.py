b"\d"
