from case import Group

GROUP = Group("ir_text")
