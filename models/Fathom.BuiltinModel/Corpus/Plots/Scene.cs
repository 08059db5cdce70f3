namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Sentences that many plots share, with the questions that belong to them.</summary>
internal static class Scene
{
    /// <summary>Who the story is about, and how the day begins.</summary>
    public static void Open(Story s, Cast c, string? weatherAdjective = null)
    {
        Person hero = c.Hero;
        s.Say(
            $"Once upon a time, there was a little {hero.Child} named {hero.Name}.",
            $"There was once a {hero.Child} named {hero.Name}.",
            $"One day, a little {hero.Child} named {hero.Name} woke up early.",
            $"{hero.Name} was a little {hero.Child} who lived in a small village.",
            $"In a small house by the river lived a {hero.Child} named {hero.Name}.");
        s.Ask($"The story is about a {hero.Child} named {hero.Name}.", "Who is the story about?", "What is the name of the main character?", $"What is the name of the {hero.Child}?");
        if (weatherAdjective is null)
            WeatherOfTheDay(s, c);
    }

    public static void WeatherOfTheDay(Story s, Cast c)
    {
        s.Say(
            $"It was a {c.Weather.Adjective} {c.Day} morning.",
            $"It was {c.Weather.Adjective} that {c.Day}.",
            $"{c.Weather.Sentence}. It was {c.Day}.");
        AskWeather(s, c.Weather.Adjective);
        s.Ask($"It happened on {c.Day}.", "What day was it?", "On which day did it happen?");
    }

    public static void AskWeather(Story s, string adjective)
    {
        s.Ask($"It was {adjective}.", "What was the weather like?", "How was the weather?");
        s.AskYesNo($"it was {adjective}", adjective, [.. World.Weathers.Select(w => w.Adjective)], w => $"Was it {w}?");
    }

    /// <summary>Says that two people go somewhere together.</summary>
    public static void GoTogether(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        s.Say(
            $"{hero.Name} went to {c.Place.The} with {hero.His} friend {friend.Name}.",
            $"{hero.Name} and {hero.His} friend {friend.Name} walked to {c.Place.The}.",
            $"{hero.CapitalHe} met {hero.His} friend {friend.Name} {c.Place.At}.");
        AskCompany(s, c);
    }

    public static void AskCompany(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        s.Ask($"{hero.Name} was with {friend.Name}.", $"Who was with {hero.Name}?", $"What is the name of {hero.Name}'s friend?", $"Who is {hero.Name}'s friend?");
        s.Ask($"They were {c.Place.At}.", $"Where were {hero.Name} and {friend.Name}?", $"Where did {hero.Name} and {friend.Name} go?", "Where did they go?");
        s.AskYesNo($"they were {c.Place.At}", c.Place.At, [.. World.Places.Select(p => p.At)], at => $"Were they {at}?");
    }

    public static void AskColour(Story s, string thing, string colour)
    {
        s.Ask($"The {thing} was {colour}.", $"What colour was the {thing}?", $"What color was the {thing}?", $"Which colour did the {thing} have?");
        s.AskYesNo($"the {thing} was {colour}", colour, World.Colours, other => $"Was the {thing} {other}?");
    }

    public static void AskFeeling(Story s, Person person, string feeling, string cause)
    {
        s.Ask($"{person.Name} was {feeling} because {cause}.", $"Why was {person.Name} {feeling}?", $"Why did {person.Name} feel {feeling}?");
        s.Ask($"{person.Name} felt {feeling}.", $"How did {person.Name} feel when {cause}?");
    }

    /// <summary>A last sentence that leaves everybody well.</summary>
    public static void Close(Story s, Cast c)
    {
        Person hero = c.Hero;
        s.Maybe(
            0.7,
            $"{hero.Name} went home and told {hero.His} {c.Relative} all about it.",
            $"That night, {hero.Name} slept very well.",
            "It was a very good day.",
            "From that day on, they were best friends.",
            $"{hero.Name} never forgot that day.",
            $"When {hero.He} came home, {hero.His} {c.Relative} gave {hero.Him} a big hug.");
    }
}
