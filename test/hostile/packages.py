from case import Group

GROUP = Group("packages")
