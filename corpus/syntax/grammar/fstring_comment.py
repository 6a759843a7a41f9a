f"{a # comment
}"
