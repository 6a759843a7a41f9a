f"\d{a}"
