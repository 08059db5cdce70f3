namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Two animals race; one loses for a reason that can be named.</summary>
internal static class Race
{
    private static readonly (string Deed, string Because)[] s_delays =
    [
        ("stopped to eat some berries", "stopped to eat"), ("lay down under a tree and fell asleep", "fell asleep"),
        ("took the wrong way", "took the wrong way"), ("fell into the mud", "fell into the mud"),
        ("stopped to look at a butterfly", "looked at a butterfly"), ("talked to everybody on the way", "talked too much"),
    ];

    public static void Tell(Story s, Cast c)
    {
        string fast = c.Animal.Name, slow = c.OtherAnimal.Name;
        string fastName = c.AnimalName, slowName = c.OtherAnimalName;
        var (deed, because) = s.Random.Pick(s_delays);
        s.Say(
            $"Once upon a time, {English.A(fast)} named {fastName} and {English.A(slow)} named {slowName} lived {c.Place.At}.",
            $"{c.Place.At} lived two animals: {English.A(fast)} named {fastName} and {English.A(slow)} named {slowName}.");
        s.Ask($"The story is about {English.A(fast)} and {English.A(slow)}.", "Who is the story about?", "Which animals are in the story?");
        s.Ask($"{fastName} was {English.A(fast)}.", $"What kind of animal was {fastName}?", $"Who was {fastName}?");
        s.Ask($"{slowName} was {English.A(slow)}.", $"What kind of animal was {slowName}?", $"Who was {slowName}?");
        s.Ask($"They lived {c.Place.At}.", "Where did they live?", $"Where did {fastName} live?", $"Where did {slowName} live?");
        Scene.WeatherOfTheDay(s, c);
        s.Say($"\"I am faster than you,\" said {fastName}.", $"{fastName} always said that nobody was faster.");
        s.Say($"\"Then let us run a race to {c.OtherPlace.The},\" said {slowName}.", $"{slowName} said, \"Let us see who is first at {c.OtherPlace.The}.\"");
        s.Ask($"They ran to {c.OtherPlace.The}.", "Where did they run?", "Where did the race end?", "Where did they race to?");
        s.Say($"{c.Hero.Name} counted to three, and they began to run.", $"\"One, two, three, go!\" shouted {c.Hero.Name}.");
        s.Ask($"{c.Hero.Name} started the race.", "Who started the race?");
        s.Paragraph();
        s.Say($"{fastName} was far ahead. But then {fastName} {deed}.", $"At first {fastName} was first. Then {fastName} {deed}.");
        s.Say($"{slowName} did not stop and went on and on.", $"{slowName} went on, step by step.");
        s.Say($"So {slowName} won the race!", $"When {fastName} came to {c.OtherPlace.The}, {slowName} was already there.");
        s.Ask($"{slowName} won the race.", "Who won the race?", "Who was first?", "Who won?", "Which animal won?");
        s.Ask($"{fastName} lost because {fastName} {because}.", $"Why did {fastName} lose?", $"Why did {fastName} not win?", $"Why did {slowName} win?");
        s.Ask($"{fastName} lost the race.", "Who lost the race?", "Who lost?", "Who was last?");
        s.Say($"{fastName} was a little sad, but said, \"Well done, {slowName}.\"", $"\"You did well,\" said {fastName}.");
        s.Say($"The prize was {English.A(c.Thing)}.", $"{slowName} got {English.A(c.Thing)} as a prize.");
        s.Ask($"The prize was {English.A(c.Thing)}.", "What was the prize?", $"What did {slowName} get?", $"What did {slowName} win?");
        s.Maybe(0.6, "Then they ate together and were good friends.", $"Since that day, {fastName} has never laughed at others.");
        s.Topic("a race");
        s.Topic($"{English.A(fast)} and {English.A(slow)}");
        s.Topic(English.A(slow));
        s.SummedUpAs($"{fastName} the {fast} and {slowName} the {slow} run a race, and {slowName} wins.");
    }
}
