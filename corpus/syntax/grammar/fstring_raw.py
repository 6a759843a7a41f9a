rf"\d{a}"
fr"{a:\d}"
