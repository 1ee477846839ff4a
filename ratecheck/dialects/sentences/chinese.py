"""Sentences in Chinese, whoever wrote them; a few name their server."""

from ratecheck.dialects.signs import BUSY, DAY, LIMITED, MINUTE, MONTH, OTHER, PARALLEL, QUOTA, WEEK, Sign
from ratecheck.model import Dimension as D

# fmt: off
# One row, one paragraph: the formatter would give each argument a line of its own.
CHINESE: tuple[Sign, ...] = (
    Sign(("无可用资源包",), None, QUOTA, 9, "zhipu", 6),
    Sign(("余额不足", "欠费", "账户余额", "余额已用完", "无可用资源包", "请充值"), None, QUOTA, 9, "zhipu", 1),
    Sign(("并发数过高", "并发超限", "并发数超", "并发请求", "并发过高", "并发限制", "并发数"),
         None, PARALLEL, 9, None, 0, D.CONCURRENCY),
    Sign(("您当前使用该api的并发数过高", "您当前使用该 api 的并发数过高"),
         None, PARALLEL, 9, "zhipu", 6, D.CONCURRENCY),
    Sign(("并发超限",), None, PARALLEL, 9, "qianfan", 2, D.CONCURRENCY),
    Sign(("的频率过高", "频率过高", "请求过于频繁", "请求频率", "调用频率", "速率限制"),
         None, LIMITED, 7, None, 0, D.REQUESTS),
    Sign(("您当前使用该api的频率过高", "您的账户已达到速率限制"), None, LIMITED, 8, "zhipu", 5, D.REQUESTS),
    Sign(("当日调用次数", "今日调用", "每日调用", "当天调用"), None, LIMITED, 8, None, 0, D.REQUESTS, DAY),
    Sign(("小时的使用上限",), r"(?P<period>\d{1,3} ?小时)的使用上限", LIMITED, 8, "zhipu", 6, scope="account"),
    # One code, two windows: which of them is used up is not said.
    Sign(("每周/每月使用上限", "weekly/monthly limit exhausted"), None, LIMITED, 9, "zhipu", 6, scope="account",
         source="zai-plan"),
    Sign(("usage limit reached for",), r"usage limit reached for (?P<period>\d{1,3} ?hours?)", LIMITED, 8, "zhipu", 6,
         scope="account", source="unseen"),
    Sign(("每周使用上限", "周使用上限"), None, LIMITED, 8, "zhipu", 4, None, WEEK, "account"),
    Sign(("每月使用上限", "月使用上限"), None, QUOTA, 8, "zhipu", 3, None, MONTH, "account"),
    Sign(("访问量过大", "当前api请求过多", "服务繁忙", "系统繁忙", "服务器繁忙", "模型繁忙", "负载过高", "过载"),
         None, BUSY, 8),
    Sign(("访问量过大",), None, BUSY, 8, "zhipu", 5),
    # new-api and one-api, when the channels behind a group refuse: whose they are, they do not say.
    Sign(("负载已饱和",), None, BUSY, 8, source="new-api"),
    Sign(("限流", "触发限流", "被限流", "超出限制", "超过限制", "达到上限"), None, LIMITED, 5),
    # In English too: a table of limits says it, so that alone refuses nobody.
    Sign(("tokens per minute",), None, LIMITED, 2, None, 0, D.TOKENS, MINUTE),
    Sign(("每分钟token", "每分钟 token", "token限流", "tpm限流", "tpm 限流"),
         None, LIMITED, 4, None, 0,
         D.TOKENS, MINUTE),
    Sign(("rpm限流", "rpm 限流", "每分钟请求", "qps限流", "qps 限流", "qps超限"),
         None, LIMITED, 5, None, 0, D.REQUESTS),
    Sign(("免费额度", "额度已用完", "额度不足", "配额不足", "用户额度", "token 额度", "额度已用尽"), None, QUOTA, 8),
    Sign(("api key 无效", "令牌无效", "无效的令牌", "身份验证失败", "鉴权失败"), None, OTHER, 8),
)
# fmt: on
