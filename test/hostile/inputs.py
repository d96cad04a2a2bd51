from case import Group

GROUP = Group("inputs")
