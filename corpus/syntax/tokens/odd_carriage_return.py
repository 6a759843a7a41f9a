a bc
